//! The pure, heavy half of freezing, for a blocking thread: stories and addressees in, finished messages out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::super::{Mailer, language, signed};
use super::corrections::{Corrections, Told};
use super::{Freezing, MailError};
use crate::config::{DigestConfig, EmptyPolicy, Mailbox, Zone};
use crate::deliver::Signer;
use crate::digest::message::{Letter, ascii_address, compose, message_id};
use crate::digest::{
    Correction, Issue, Language, Matter, Purpose, Reader, Rendition, Templates, render, token,
};
use crate::filter::Rules;
use crate::model::{
    FrozenMessage, Standing, StoryId, StorySeq, StoryView, SubscriberId, SubscriberRecord, Verdict,
    Wishes, mailbox_key,
};
use crate::store::Store;

/// Everything that the messages of one edition are made from.
pub(super) struct Batch {
    issue: Issue,
    digest: DigestConfig,
    lane: Zone,
    frozen_at: Timestamp,
    languages: BTreeMap<String, Arc<Language>>,
    templates: Arc<Templates>,
    rules: Rules,
    signer: Option<Arc<Signer>>,
    key: [u8; 32],
    base: String,
    envelope_from: String,
    verp: bool,
    pub(super) after: StorySeq,
    pub(super) preview: bool,
    pub(super) stories: Vec<StoryView>,
    pub(super) corrections: Corrections,
    pub(super) addressees: Vec<Addressee>,
    /// Coming instants of readers who get one edition a week, by their day.
    pub(super) weekly: BTreeMap<i8, Vec<Timestamp>>,
}

/// One subscriber, with what they want.
pub(super) struct Addressee {
    id: SubscriberId,
    to: Mailbox,
    test: bool,
    class: Class,
    pub(super) after: StorySeq,
}

/// Readers for whom the words are the same.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    language: String,
    groups: Vec<String>,
    filters: Vec<String>,
    after: StorySeq,
    corrections: Vec<Told>,
    weekday: Option<i8>,
    test: bool,
}

/// What came out.
pub(super) struct Made {
    pub(super) web: Rendition,
    pub(super) last: Option<Rendition>,
    pub(super) stories: Vec<StoryId>,
    pub(super) messages: Vec<FrozenMessage>,
}

impl Addressee {
    /// A reader without wishes of their own.
    pub(super) fn stranger(digest: &DigestConfig, after: StorySeq) -> Self {
        let to = Mailbox {
            name: None,
            address: digest.from.address.clone(),
        };
        Self::of(SubscriberId(0), to, Class::own(digest, after))
    }

    /// Makes it a test copy to `address`.
    pub(super) fn test_for(&mut self, address: &str) {
        self.to = Mailbox {
            name: None,
            address: address.to_owned(),
        };
        self.test = true;
        self.class.test = true;
    }

    /// The day of a reader who wants one edition a week.
    pub(super) fn weekday(&self) -> Option<i8> {
        self.class.weekday
    }

    fn of(id: SubscriberId, to: Mailbox, class: Class) -> Self {
        Self {
            id,
            to,
            test: false,
            after: class.after,
            class,
        }
    }
}

impl Class {
    fn own(digest: &DigestConfig, after: StorySeq) -> Self {
        let language = digest.language.clone();
        Self {
            language,
            groups: Vec::new(),
            filters: Vec::new(),
            after,
            corrections: Vec::new(),
            weekday: None,
            test: false,
        }
    }
}

impl Mailer {
    /// A batch without stories and addressees yet.
    pub(super) fn batch(
        &self,
        digest: &DigestConfig,
        freezing: &Freezing,
        now: Timestamp,
    ) -> Result<Batch, MailError> {
        let config = &self.ground.config;
        let (mail, from) = (config.mail.as_ref(), digest.from.address.as_str());
        Ok(Batch {
            issue: self.issue(digest, freezing)?,
            digest: digest.clone(),
            lane: freezing.lane.clone(),
            frozen_at: now,
            languages: self.languages.clone(),
            templates: self.templates.clone(),
            rules: self.ground.rules.clone(),
            signer: self.signer.clone(),
            key: self.store.secret_key(),
            base: config.http.public_url.to_string(),
            envelope_from: ascii_address(mail.map_or(from, |mail| mail.envelope_from(from))),
            verp: mail.is_some_and(|mail| mail.verp),
            after: StorySeq(0),
            preview: false,
            stories: Vec::new(),
            corrections: Corrections::default(),
            addressees: Vec::new(),
            weekly: BTreeMap::new(),
        })
    }

    /// A stored subscriber with the wishes that the config holds for the address.
    pub(super) fn addressee(
        &self,
        digest: &DigestConfig,
        record: &SubscriberRecord,
        after: StorySeq,
    ) -> Addressee {
        let wishes = digest.subscriber(&mailbox_key(&record.spec.address));
        let mut class = wishes.map_or_else(
            || Class::own(digest, after),
            |wishes| Class {
                language: wishes.language.clone(),
                groups: wishes.groups.clone(),
                filters: wishes.filters.clone(),
                after,
                corrections: Vec::new(),
                weekday: None,
                test: false,
            },
        );
        self.heed(digest, &record.wishes, &mut class);
        let to = Mailbox {
            name: record.spec.name.clone(),
            address: record.spec.address.clone(),
        };
        Addressee::of(record.id, to, class)
    }

    /// What subscribers chose for themselves counts before what the config says of them. A language or a group that is
    /// gone is no choice any more.
    fn heed(&self, digest: &DigestConfig, wishes: &Wishes, class: &mut Class) {
        class.weekday = wishes.weekday;
        let language = wishes.language.as_ref();
        if let Some(code) = language.filter(|code| self.languages.contains_key(*code)) {
            class.language.clone_from(code);
        }
        if let Some(groups) = &wishes.groups {
            class.groups = self.ground.config.offer(digest).heeded(groups);
        }
    }
}

impl Batch {
    /// Renders each class once and composes one message a subscriber.
    pub(super) fn make(mut self) -> Result<Made, String> {
        let told = self.assign_corrections();
        let corrections = self.corrections.written(&told);
        let mut shared = Class::own(&self.digest, self.after);
        shared.corrections = told.into_iter().collect();
        // Of a story that several are told differently, everyone's copy has the earliest state.
        shared.corrections.dedup_by_key(|(story, _)| *story);
        // Mails that take over what was never delivered make the stories before this window the edition's too.
        shared.after = self.earliest(|one| one.weekday().is_none());
        let stories = self.chosen(&shared).iter().map(|story| story.id).collect();
        // Mails lead to the web copy for what they have no room for: it holds the week of those who get a week's.
        shared.after = self.earliest(|_| true);
        let mut made = Made {
            web: self.rendition(&shared, &corrections, Purpose::Web)?,
            last: None,
            stories,
            messages: Vec::with_capacity(self.addressees.len()),
        };
        let mut classes: BTreeMap<&Class, Rendition> = BTreeMap::new();
        for addressee in &self.addressees {
            let class = &addressee.class;
            if !classes.contains_key(class) {
                let purpose = if addressee.test {
                    Purpose::Test
                } else {
                    Purpose::Mail
                };
                classes.insert(class, self.rendition(class, &corrections, purpose)?);
            }
            let Some(rendition) = classes.get(class) else {
                continue;
            };
            if rendition.total > 0 || self.preview || self.digest.empty == EmptyPolicy::Send {
                made.messages.push(self.message(addressee, rendition)?);
            }
        }
        made.last = classes.into_values().next_back();
        Ok(made)
    }

    /// Where the longest window of some addressees begins, at the latest where the edition's own does.
    pub(super) fn earliest(&self, of: impl Fn(&Addressee) -> bool) -> StorySeq {
        let begins = self.addressees.iter().filter(|one| of(one));
        let begins = begins.map(|one| one.after);
        begins
            .min()
            .map_or(self.after, |begin| begin.min(self.after))
    }

    /// Gives each class its corrections; returns all that somebody is told.
    fn assign_corrections(&mut self) -> BTreeSet<Told> {
        for addressee in &mut self.addressees {
            addressee.class.corrections = self.corrections.of(addressee.id, addressee.after);
        }
        let classes = self.addressees.iter().map(|addressee| &addressee.class);
        classes
            .flat_map(|class| class.corrections.iter().copied())
            .collect()
    }

    fn rendition(
        &self,
        class: &Class,
        corrections: &BTreeMap<Told, Correction>,
        purpose: Purpose,
    ) -> Result<Rendition, String> {
        let reader = Reader {
            language: language(&self.languages, &class.language)?,
            zone: &self.lane,
            purpose,
        };
        let told = class.corrections.iter();
        let matter = Matter {
            stories: self.chosen(class),
            corrections: told
                .filter_map(|told| corrections.get(told))
                .filter(|correction| self.suits(class, &correction.story))
                .collect(),
        };
        let Some(coming) = class.weekday.and_then(|day| self.weekly.get(&day)) else {
            return render(&self.issue, reader, &matter, &self.templates);
        };
        let issue = Issue {
            coming: coming.clone(),
            ..self.issue.clone()
        };
        render(&issue, reader, &matter, &self.templates)
    }

    /// The stories of a class: its window, its groups, its rules.
    fn chosen(&self, class: &Class) -> Vec<&StoryView> {
        self.stories
            .iter()
            .filter(|story| story.seq > class.after && self.suits(class, story))
            .collect()
    }

    /// Whether a class wants a story: its groups, its rules.
    fn suits(&self, class: &Class, story: &StoryView) -> bool {
        let wanted = |groups: &[String]| groups.iter().any(|group| class.groups.contains(group));
        let in_groups = class.groups.is_empty()
            || class.groups.iter().any(|group| group == "*")
            || wanted(&story.lead.feed.groups)
            || story
                .sightings
                .iter()
                .any(|seen| seen.standing == Standing::Shown && wanted(&seen.feed.groups));
        in_groups
            && (class.filters.is_empty()
                || self
                    .rules
                    .judge(&class.filters, &story.lead, self.frozen_at)
                    == Verdict::Keep)
    }

    fn message(
        &self,
        addressee: &Addressee,
        rendition: &Rendition,
    ) -> Result<FrozenMessage, String> {
        let (digest, key) = (&self.digest, &self.key);
        let id = message_id(
            &digest.name,
            addressee.id,
            self.issue.slot_at,
            &digest.from.address,
            key,
        );
        // A test copy must not look like the edition to come, nor like the test before it.
        let id = if addressee.test {
            format!("test.{}.{id}", self.frozen_at.as_millisecond())
        } else {
            id
        };
        let word = |purpose| token::make(purpose, &digest.name, addressee.id, key);
        let unsubscribe_url = format!("{}unsubscribe/{}", self.base, word(token::UNSUBSCRIBE));
        let wishes_url = format!("{}subscription/{}", self.base, word(token::SUBSCRIPTION));
        let letter = Letter {
            digest: &digest.name,
            title: &digest.title,
            from: &digest.from,
            reply_to: digest.reply_to.as_ref(),
            to: &addressee.to,
            message_id: &id,
            frozen_at: self.frozen_at,
            language: language(&self.languages, &addressee.class.language)?,
            archive_url: &self.issue.page_url,
            unsubscribe_url: (!addressee.test).then_some(unsubscribe_url.as_str()),
            wishes_url: (!addressee.test && digest.self_service).then_some(wishes_url.as_str()),
        };
        let bytes = compose(&letter, rendition);
        let bytes = signed(self.signer.as_deref(), bytes, self.frozen_at)?;
        Ok(FrozenMessage {
            subscriber: addressee.id,
            envelope_from: self.sender(addressee.id),
            envelope_to: ascii_address(&addressee.to.address),
            stories: rendition.total,
            after: addressee.after,
            message_id: id,
            packed: Store::pack_message(&bytes).map_err(|error| error.to_string())?,
        })
    }

    fn sender(&self, subscriber: SubscriberId) -> String {
        match self.envelope_from.split_once('@').filter(|_| self.verp) {
            Some((local, domain)) => {
                format!(
                    "{local}+{}@{domain}",
                    token::bounce_word(&self.digest.name, subscriber, &self.key)
                )
            }
            None => self.envelope_from.clone(),
        }
    }
}
