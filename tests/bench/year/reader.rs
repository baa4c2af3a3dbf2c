//! A reader of the merged feed: looks once a day and knows entries by their id alone.

use std::collections::HashMap;
use std::sync::Arc;

use feedmill::clock::Clock;
use feedmill::config::Config;
use feedmill::filter::Rules;
use feedmill::model::Selection;
use feedmill::publish::{Shelf, Theme};
use feedmill::release::{Releaser, Tools};
use feedmill::store::Store;
use feedmill::telemetry::Metrics;

pub(super) struct Reader {
    store: Store,
    shelf: Shelf,
    releaser: Releaser,
    /// The truth that came under an id.
    known: HashMap<String, String>,
    /// Under which id a truth came first.
    told: HashMap<String, String>,
    /// Truths that came again under another id.
    pub(super) again: usize,
    /// Stories that a document left out or gave an id that stood for another one.
    pub(super) hidden: usize,
}

impl Reader {
    pub(super) fn new(store: Store, config: Config, clock: Clock) -> Self {
        let shelf = Shelf::default();
        let tools = Tools {
            store: store.clone(),
            rules: Rules::default(),
            shelf: shelf.clone(),
            clock,
            metrics: Metrics::default(),
        };
        let theme = Arc::new(Theme::load(None).unwrap());
        Self {
            releaser: Releaser::new(Arc::new(config), theme, tools),
            store,
            shelf,
            known: HashMap::new(),
            told: HashMap::new(),
            again: 0,
            hidden: 0,
        }
    }

    /// Reads the merged feed as it is now.
    pub(super) async fn read(&mut self) {
        self.releaser.refresh().await.unwrap();
        let bytes = self.shelf.get("/all.json").unwrap().identity.to_vec();
        let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let items = document["items"].as_array().unwrap();
        let all = Selection {
            groups: vec!["*".to_owned()],
            limit: 1000,
            ..Selection::default()
        };
        let visible = self.store.select_stories(all).await.unwrap().len();
        self.hidden += visible - items.len();
        for item in items {
            let tags = item["tags"].as_array().unwrap().iter();
            let mut truths = tags.filter_map(|tag| tag.as_str()?.strip_prefix("truth-"));
            self.meet(item["id"].as_str().unwrap(), truths.next().unwrap());
        }
    }

    fn meet(&mut self, id: &str, truth: &str) {
        match self.known.get(id) {
            Some(known) => self.hidden += usize::from(known != truth),
            None => {
                self.known.insert(id.to_owned(), truth.to_owned());
                let first = self.told.entry(truth.to_owned()).or_insert(id.to_owned());
                self.again += usize::from(first != id);
            }
        }
    }
}
