//! What goes out: merged feeds and digests. Names that would hide an address of ours are refused, references must
//! exist, each subscriber is asked once.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use super::Check;
use crate::config::diagnose::Complaint;
use crate::config::raw::Raw;
use crate::config::raw::out::{self, Content, Division, Empty, Format};
use crate::config::schema::{is_name, shown};
use crate::config::{
    BucketConfig, ContentMode, DigestConfig, EmptyPolicy, Mailbox, Place, Problem, PublishConfig,
    PublishFormat, Sections, SubscriberConfig, Zone, values,
};
use crate::model::mailbox_key;

/// First parts of addresses that are ours.
const RESERVED: [&str; 24] = [
    "about",
    "admin",
    "api",
    "archive",
    "assets",
    "changes",
    "digest",
    "entry",
    "feed",
    "feeds",
    "healthz",
    "hub",
    "icon",
    "metrics",
    "opml",
    "readyz",
    "search",
    "static",
    "status",
    "story",
    "subscribe",
    "unsubscribe",
    "websub",
    "well-known",
];

/// Names and values that outputs may refer to.
pub(in crate::config) struct Known {
    pub(in crate::config) groups: Vec<String>,
    pub(in crate::config) feeds: Vec<String>,
    pub(in crate::config) filters: Vec<String>,
    pub(in crate::config) language: String,
    pub(in crate::config) timezone: Zone,
    pub(in crate::config) templates: Option<PathBuf>,
}

fn names(list: &[String]) -> impl Iterator<Item = &str> + Clone {
    list.iter().map(String::as_str)
}

impl Check<'_> {
    pub(in crate::config) fn publish(
        &mut self,
        raw: &Raw,
        known: &Known,
    ) -> BTreeMap<String, PublishConfig> {
        let mut outputs = BTreeMap::new();
        let storage = self.storage(raw);
        for (name, written) in &raw.publish {
            self.free_name(&format!("publish/{name}"), name);
            let output = self.output(name, (written, storage.as_ref()), known);
            outputs.insert(name.clone(), output);
        }
        if raw.publish.is_empty() {
            let everything = out::Publish {
                title: Some("Everything".into()),
                ..out::Publish::default()
            };
            let output = self.output("all", (&everything, None), known);
            outputs.insert("all".into(), output);
        }
        self.former_names(raw);
        outputs
    }

    fn free_name(&mut self, path: &str, name: &str) {
        if RESERVED.contains(&name) {
            let message = format!(
                "a merged feed cannot be named `{name}`: /{name} is an address of feedmill's own"
            );
            self.error(path, message, "take another name");
        }
    }

    fn former_names(&mut self, raw: &Raw) {
        for (name, written) in &raw.publish {
            for (index, former) in written.former_names.iter().enumerate() {
                let path = format!("publish/{name}/former_names/{index}");
                self.free_name(&path, former);
                if !is_name(former) {
                    self.error(
                        &path,
                        format!("`{}` cannot have been a name", shown(former)),
                        "",
                    );
                } else if raw.publish.contains_key(former) {
                    self.error(
                        &path,
                        format!("`{former}` is the name of a merged feed today"),
                        "",
                    );
                }
            }
        }
    }

    fn output(
        &mut self,
        name: &str,
        (written, storage): (&out::Publish, Option<&BucketConfig>),
        known: &Known,
    ) -> PublishConfig {
        let key = |key: &str| format!("publish/{name}/{key}");
        let groups_written = self.at(&key("groups")).is_some();
        let all = ["*"].into_iter().chain(names(&known.groups));
        let groups = match groups_written || written.feeds.is_empty() {
            true => self.known(("group", &key("groups")), &written.groups, all),
            false => Vec::new(),
        };
        let mut formats: Vec<PublishFormat> =
            written.formats.iter().map(|format| form(*format)).collect();
        formats.sort();
        formats.dedup();
        if formats.is_empty() {
            self.error(
                &key("formats"),
                "a merged feed needs a format",
                "atom, rss, json, html",
            );
        }
        for (index, hub) in written.hub.iter().enumerate() {
            if hub != "self" {
                self.url(&key(&format!("hub/{index}")), hub, &["https", "http"]);
            }
        }
        self.tombs(&key("tombstones"), written);
        PublishConfig {
            name: name.to_owned(),
            title: written.title.clone().unwrap_or_else(|| name.to_owned()),
            description: written.description.clone(),
            groups,
            feeds: self.known(("feed", &key("feeds")), &written.feeds, names(&known.feeds)),
            filters: self.known(
                ("filter", &key("filters")),
                &written.filters,
                names(&known.filters),
            ),
            limit: written.limit as usize,
            per_feed: written.per_feed as usize,
            max_size: self.size(&key("max_size"), &written.max_size),
            max_age: written
                .max_age
                .as_ref()
                .map(|span| self.duration(&key("max_age"), span)),
            formats,
            content: content(written.content),
            search: written
                .search
                .clone()
                .filter(|words| !words.trim().is_empty()),
            tombstones: written.tombstones,
            hubs: written.hub.clone(),
            files: self.files((&key("files"), storage), &written.files),
            language: self.language_or(&key("language"), &written.language, known),
            timezone: self.zone_or(&key("timezone"), &written.timezone, &known.timezone),
            former_names: written.former_names.clone(),
        }
    }

    /// What a search found of a story that is gone cannot be asked again.
    fn tombs(&mut self, path: &str, written: &out::Publish) {
        if written.tombstones && written.search.is_some() {
            self.error(
                path,
                "a saved search cannot have tombstones",
                "set them in a merged feed without `search`",
            );
        }
    }

    fn language_or(&mut self, path: &str, written: &Option<String>, known: &Known) -> String {
        match written {
            Some(language) => self.language(path, language, known.templates.as_ref()),
            None => known.language.clone(),
        }
    }

    fn zone_or(&mut self, path: &str, written: &Option<String>, default: &Zone) -> Zone {
        written
            .as_ref()
            .map_or_else(|| default.clone(), |name| self.zone(path, name))
    }

    pub(in crate::config) fn digests(
        &mut self,
        raw: &Raw,
        outputs: &BTreeMap<String, PublishConfig>,
        known: &Known,
    ) -> BTreeMap<String, DigestConfig> {
        let mut digests = BTreeMap::new();
        for (name, written) in &raw.digest {
            let path = format!("digest/{name}/publish");
            let drawn = std::slice::from_ref(&written.publish);
            if !outputs.contains_key(&written.publish) {
                let near = outputs.keys().map(String::as_str);
                let message = format!("unknown merged feed `{}`", shown(&drawn[0]));
                let problem = Problem::error(message, self.around(&path)).nearest(&drawn[0], near);
                let list = outputs.keys().cloned().collect::<Vec<_>>().join(", ");
                self.tell(problem.help(format!("`publish` names one of: {list}")));
            }
            digests.insert(
                name.clone(),
                self.digest(name, written, outputs.get(&written.publish), known),
            );
        }
        digests
    }

    fn digest(
        &mut self,
        name: &str,
        written: &out::Digest,
        drawn: Option<&PublishConfig>,
        known: &Known,
    ) -> DigestConfig {
        let key = |key: &str| format!("digest/{name}/{key}");
        let language = self.language_or(&key("language"), &written.language, known);
        let timezone = self.zone_or(&key("timezone"), &written.timezone, &known.timezone);
        let nobody = || Mailbox {
            name: None,
            address: String::new(),
        };
        DigestConfig {
            name: name.to_owned(),
            title: written
                .title
                .clone()
                .or(drawn.map(|drawn| drawn.title.clone()))
                .unwrap_or_else(|| name.to_owned()),
            publish: written.publish.clone(),
            cron: crate::config::Located {
                value: written.cron.clone(),
                at: self.around(&key("cron")).unwrap_or_default(),
            },
            from: self
                .mailbox(&key("from"), &written.from)
                .unwrap_or_else(nobody),
            reply_to: written
                .reply_to
                .as_ref()
                .and_then(|text| self.mailbox(&key("reply_to"), text)),
            subject: self.subject(&key("subject"), &written.subject),
            content: content(written.content),
            max_stories: written.max_stories as usize,
            per_feed: written.per_feed as usize,
            empty: match written.empty {
                Empty::Skip => EmptyPolicy::Skip,
                Empty::Send => EmptyPolicy::Send,
            },
            sections: match written.sections {
                Division::Group => Sections::Group,
                Division::Feed => Sections::Feed,
                Division::None => Sections::None,
            },
            max_bytes: written.max_bytes as usize,
            corrections: written.corrections,
            footer: written.footer.clone(),
            self_service: written.self_service,
            sign_up: self.sign_up(&key("sign_up"), written),
            subscribers: self.subscribers(name, written, (&language, &timezone), known),
            language,
            timezone,
        }
    }

    /// Who signs up must be able to change and leave by the same links.
    fn sign_up(&mut self, path: &str, written: &out::Digest) -> bool {
        if written.sign_up && !written.self_service {
            self.error(
                path,
                "who signs up needs a page of their own",
                "add `self_service = true`",
            );
        }
        written.sign_up
    }

    pub(in crate::config) fn mailbox(&mut self, path: &str, text: &str) -> Option<Mailbox> {
        let mailbox = values::mailbox(text);
        if mailbox.is_none() {
            self.error(
                path,
                "this is no mail address",
                "\"an@example.org\" or \"An <an@example.org>\"",
            );
        }
        mailbox
    }

    fn subscribers(
        &mut self,
        name: &str,
        written: &out::Digest,
        (language, timezone): (&String, &Zone),
        known: &Known,
    ) -> Vec<SubscriberConfig> {
        let mut found: Vec<(SubscriberConfig, String)> = Vec::new();
        for (index, text) in written.to.iter().enumerate() {
            let path = format!("digest/{name}/to/{index}");
            let Some(mailbox) = self.mailbox(&path, text) else {
                continue;
            };
            let (language, timezone) = (language.clone(), timezone.clone());
            let plain = SubscriberConfig {
                mailbox,
                language,
                timezone,
                groups: Vec::new(),
                filters: Vec::new(),
            };
            found.push((plain, path));
        }
        for (index, one) in written.subscriber.iter().enumerate() {
            let path = format!("digest/{name}/subscriber/{index}");
            let key = |key: &str| format!("{path}/{key}");
            let subscriber = SubscriberConfig {
                language: one.language.as_ref().map_or_else(
                    || language.clone(),
                    |written| self.language(&key("language"), written, known.templates.as_ref()),
                ),
                timezone: self.zone_or(&key("timezone"), &one.timezone, timezone),
                groups: self.known(("group", &key("groups")), &one.groups, names(&known.groups)),
                filters: self.known(
                    ("filter", &key("filters")),
                    &one.filters,
                    names(&known.filters),
                ),
                mailbox: match self.mailbox(&key("address"), &one.address) {
                    Some(mailbox) => mailbox,
                    None => continue,
                },
            };
            found.push((subscriber, key("address")));
        }
        self.each_once(found)
    }

    fn each_once(&mut self, found: Vec<(SubscriberConfig, String)>) -> Vec<SubscriberConfig> {
        let mut first: HashMap<String, Option<Place>> = HashMap::new();
        let mut subscribers = Vec::new();
        for (subscriber, path) in found {
            let address = mailbox_key(&subscriber.mailbox.address);
            if let Some(place) = first.get(&address) {
                let problem = Problem::error("this address is there already", self.around(&path));
                let also = place.clone().map(|place| (place, "first here".to_owned()));
                self.complaints.push(Complaint { problem, also });
                continue;
            }
            first.insert(address, self.around(&path));
            subscribers.push(subscriber);
        }
        subscribers
    }
}

fn form(format: Format) -> PublishFormat {
    match format {
        Format::Atom => PublishFormat::Atom,
        Format::Rss => PublishFormat::Rss,
        Format::Json => PublishFormat::Json,
        Format::Html => PublishFormat::Html,
    }
}

fn content(written: Content) -> ContentMode {
    match written {
        Content::Full => ContentMode::Full,
        Content::Summary => ContentMode::Summary,
        Content::Title => ContentMode::Title,
    }
}
