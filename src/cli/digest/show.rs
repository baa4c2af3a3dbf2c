//! `feedmill digest show` and `preview`: what was sent, from the stored bytes, and what would be.

use anyhow::Context as _;
use serde::Serialize;

use super::args::{Part, PreviewArgs, ShowArgs};
use super::{Scene, find};
use crate::cli::{Exit, Output};
use crate::deliver;
use crate::mail::{Look, Window};
use crate::model::{EditionId, EditionRecord, MessageStanding, MessageView, StorySeq};

/// One message of an edition, as told.
#[derive(Serialize)]
struct Sent<'a> {
    subscriber: i64,
    address: &'a str,
    standing: MessageStanding,
    message_id: &'a str,
    bytes: usize,
    attempts: u32,
    /// What the last attempt came to.
    reply: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

#[derive(Serialize)]
struct Shown<'a> {
    edition: &'a EditionRecord,
    messages: Vec<Sent<'a>>,
}

impl Scene {
    pub(super) async fn show(&self, args: &ShowArgs, out: &mut Output) -> anyhow::Result<Exit> {
        let edition = self.edition(args.edition).await?;
        if args.web {
            let page = self.store.edition_page(edition.id).await?;
            let html = page.context("this edition has no web copy: it was empty")?;
            out.line(html.trim_end())?;
            return Ok(Exit::Fine);
        }
        let mut messages = self.store.edition_messages(edition.id).await?;
        let Some(who) = &args.subscriber else {
            return tell(&edition, &messages, args.json, out);
        };
        let subscribers = self.store.subscribers(&edition.digest).await?;
        let id = find(&subscribers, who).map(|found| found.id);
        messages.retain(|MessageView { message, .. }| {
            id.is_some() && message.subscriber == id || message.envelope_to == *who
        });
        let MessageView { message, .. } = messages
            .first()
            .with_context(|| format!("edition {} was not for this subscriber", args.edition))?;
        if args.json {
            return tell(&edition, &messages, true, out);
        }
        anyhow::ensure!(
            !message.bytes.is_empty(),
            "this mail is damaged in the database"
        );
        match args.part.chosen() {
            // As it went over the wire: no line end is added.
            None | Some(Part::Eml) => out.sink().write_all(&message.bytes)?,
            Some(part) => {
                let words = deliver::part(&message.bytes, part.media_type());
                out.line(words.context("the mail has no such part")?.trim_end())?;
            }
        }
        out.sink().flush()?;
        Ok(Exit::Fine)
    }

    async fn edition(&self, number: i64) -> anyhow::Result<EditionRecord> {
        let found = self.store.edition(EditionId(number)).await?;
        found.with_context(|| {
            format!("there is no edition {number}; see: feedmill digest editions NAME")
        })
    }

    pub(super) async fn preview(
        &self,
        args: &PreviewArgs,
        out: &mut Output,
    ) -> anyhow::Result<Exit> {
        self.digest(&args.name)?;
        let window = self.window(args).await?;
        let subscribers = self.store.subscribers(&args.name).await?;
        let reader = match &args.subscriber {
            Some(who) => {
                let found = find(&subscribers, who);
                Some(
                    found
                        .with_context(|| format!("digest {} has no such subscriber", args.name))?,
                )
            }
            None => subscribers.iter().find(|one| one.standing.is_active()),
        };
        let look = Look {
            reader,
            to: None,
            window,
        };
        let now = self.clock.now();
        let preview = self.mailer()?.preview(&args.name, look, now).await?;
        let words = match args.part.chosen() {
            Some(Part::Eml) => String::from_utf8_lossy(&preview.bytes).into_owned(),
            Some(Part::Html) => preview.rendition.html,
            None | Some(Part::Text) => preview.rendition.text,
        };
        // The mark of the address that only a real mail has.
        let address = format!("{}unsubscribe/", self.config.http.public_url);
        out.line(words.replace('\u{1}', &address).trim_end())?;
        Ok(Exit::Fine)
    }

    /// The window asked for; none for the coming edition's.
    async fn window(&self, args: &PreviewArgs) -> anyhow::Result<Option<Window>> {
        if let Some(number) = args.edition {
            let edition = self.edition(number).await?;
            anyhow::ensure!(
                edition.digest == args.name,
                "edition {number} is one of {}",
                edition.digest
            );
            return Ok(Some(Window::of(&edition)));
        }
        Ok(args.window.map(|(after, until)| Window {
            after: StorySeq(after),
            until: StorySeq(until),
            slot: None,
        }))
    }
}

fn tell(
    edition: &EditionRecord,
    messages: &[MessageView],
    json: bool,
    out: &mut Output,
) -> anyhow::Result<Exit> {
    let one = messages.len() == 1;
    let messages: Vec<Sent<'_>> = messages
        .iter()
        .map(|view| Sent {
            text: (json && one)
                .then(|| deliver::part(&view.message.bytes, "text/plain"))
                .flatten(),
            ..sent(view)
        })
        .collect();
    if json {
        out.json(&Shown { edition, messages })?;
        return Ok(Exit::Fine);
    }
    out.line(&format!(
        "edition {} of {} for {} ({}): {}",
        edition.id.0, edition.digest, edition.slot_at, edition.lane, edition.subject
    ))?;
    for sent in messages {
        let standing = format!("{:?}", sent.standing).to_lowercase();
        let attempts = match sent.attempts {
            0 | 1 => String::new(),
            many => format!("  {many} attempts"),
        };
        let reply = sent.reply.map(|reply| format!("  {reply}"));
        out.line(&format!(
            "{:>5}  {:<32} {standing:<10} {:>7} bytes  <{}>{attempts}{}",
            sent.subscriber,
            sent.address,
            sent.bytes,
            sent.message_id,
            reply.unwrap_or_default()
        ))?;
    }
    Ok(Exit::Fine)
}

fn sent(view: &MessageView) -> Sent<'_> {
    let message = &view.message;
    Sent {
        subscriber: message.subscriber.map_or(0, |id| id.0),
        address: &message.envelope_to,
        standing: view.standing,
        message_id: &message.message_id,
        bytes: message.bytes.len(),
        attempts: message.attempts,
        reply: view.reply.as_deref(),
        text: None,
    }
}
