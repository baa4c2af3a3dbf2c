//! Healthy feeds in four dialects and eight languages, made from a seed: small, and the same on every run.

use std::fmt::Write as _;

/// A dialect in which feeds are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Rss,
    Atom,
    Rdf,
    Json,
}

/// A feed without fault.
pub(super) struct Healthy {
    pub(super) dialect: Dialect,
    pub(super) language: &'static str,
    pub(super) document: String,
    /// Title of the entry that gets injured.
    pub(super) title: String,
    /// Words of its text.
    pub(super) words: String,
}

impl Healthy {
    pub(super) fn is_xml(&self) -> bool {
        self.dialect != Dialect::Json
    }
}

/// The entry that gets injured: neither the first nor the last.
pub(super) const INJURED: usize = 1;

const LANGUAGES: &[(&str, &[&str])] = &[
    (
        "en",
        &[
            "river", "morning", "engine", "paper", "winter", "garden", "letter", "window",
            "bridge", "market",
        ],
    ),
    (
        "vi",
        &[
            "đường",
            "người",
            "nước",
            "buổi",
            "sáng",
            "trường",
            "học",
            "những",
            "tiếng",
            "Việt",
        ],
    ),
    (
        "ja",
        &[
            "新聞",
            "東京",
            "今日",
            "ニュース",
            "天気",
            "会社",
            "学校",
            "電車",
            "写真",
            "料理",
        ],
    ),
    (
        "ar",
        &[
            "كتاب",
            "مدرسة",
            "طريق",
            "مدينة",
            "صباح",
            "خبر",
            "شمس",
            "بحر",
            "ورقة",
            "باب",
        ],
    ),
    (
        "ru",
        &[
            "город",
            "утро",
            "книга",
            "дорога",
            "письмо",
            "окно",
            "река",
            "зима",
            "сад",
            "рынок",
        ],
    ),
    (
        "de",
        &[
            "Straße", "Über", "Größe", "Morgen", "Brücke", "Garten", "Fenster", "Zeitung", "Käse",
            "Fluß",
        ],
    ),
    (
        "fr",
        &[
            "été", "déjà", "garçon", "œuvre", "forêt", "rivière", "matin", "lettre", "fenêtre",
            "marché",
        ],
    ),
    (
        "zh",
        &[
            "新闻", "北京", "今天", "天气", "公司", "学校", "火车", "照片", "城市", "河流",
        ],
    ),
];

/// Numbers from a seed (SplitMix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mixed = mixed ^ (mixed >> 31);
        usize::try_from(mixed % below.max(1) as u64).unwrap()
    }
}

fn phrase(dice: &mut Dice, vocabulary: &[&'static str], count: usize) -> String {
    let words: Vec<&str> = (0..count)
        .map(|_| vocabulary[dice.roll(vocabulary.len())])
        .collect();
    words.join(" ")
}

struct Entry {
    number: usize,
    title: String,
    words: String,
    category: &'static str,
}

impl Entry {
    fn link(&self) -> String {
        format!("https://site.example/{}/", self.number)
    }

    fn file(&self) -> String {
        format!("https://site.example/{}.mp3", self.number)
    }

    /// As Atom's content: the first entry in XHTML, the others escaped.
    fn content(&self) -> String {
        match self.number {
            1 => format!(
                "<content type=\"xhtml\"><div xmlns=\"http://www.w3.org/1999/xhtml\">{}</div></content>",
                self.html()
            ),
            _ => format!("<content type=\"html\">{}</content>", escaped(&self.html())),
        }
    }

    fn html(&self) -> String {
        format!("<p>{}</p>", self.words)
    }
}

/// `count` feeds, all dialects and languages in turn.
pub(super) fn healthy(count: usize) -> Vec<Healthy> {
    (0..count).map(one).collect()
}

fn one(index: usize) -> Healthy {
    let mut dice = Dice(index as u64);
    let dialect = [
        Dialect::Rss,
        Dialect::Atom,
        Dialect::Rdf,
        Dialect::Rss,
        Dialect::Atom,
        Dialect::Json,
    ][index % 6];
    let (language, vocabulary) = LANGUAGES[(index / 2) % LANGUAGES.len()];
    let entries: Vec<Entry> = (1..=4 + dice.roll(4))
        .map(|number| {
            let (title_length, length) = (4 + dice.roll(3), 8 + dice.roll(8));
            Entry {
                number,
                title: phrase(&mut dice, vocabulary, title_length),
                words: phrase(&mut dice, vocabulary, length),
                category: vocabulary[dice.roll(vocabulary.len())],
            }
        })
        .collect();
    let document = match dialect {
        Dialect::Rss => rss(language, &entries),
        Dialect::Atom => atom(language, &entries),
        Dialect::Rdf => rdf(language, &entries),
        Dialect::Json => json(language, &entries),
    };
    Healthy {
        dialect,
        language,
        document,
        title: entries[INJURED].title.clone(),
        words: entries[INJURED].words.clone(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn rss(language: &str, entries: &[Entry]) -> String {
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<rss version=\"2.0\">\n<channel>\n<title>Site</title>\n\
         <link>https://site.example/</link>\n<description>About</description>\n<language>{language}</language>\n"
    );
    for entry in entries {
        let (link, number, title) = (entry.link(), entry.number, &entry.title);
        let (html, file, category) = (escaped(&entry.html()), entry.file(), entry.category);
        writeln!(
            out,
            "<item>\n<title>{title}</title>\n<link>{link}</link>\n<guid isPermaLink=\"false\">id-{number}</guid>\n\
             <pubDate>Mon, {:02} Nov 2026 10:30:00 +0700</pubDate>\n<author>jane@site.example (Jane)</author>\n\
             <category>{category}</category>\n<enclosure url=\"{file}\" length=\"{number}00\" type=\"audio/mpeg\"/>\n\
             <description>{html}</description>\n</item>",
            number + 1
        )
        .unwrap();
    }
    out.push_str("</channel>\n</rss>\n");
    out
}

fn atom(language: &str, entries: &[Entry]) -> String {
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"{language}\">\n\
         <id>urn:site</id>\n<title>Site</title>\n<updated>2026-11-23T10:30:00Z</updated>\n"
    );
    for entry in entries {
        let (link, number, title) = (entry.link(), entry.number, &entry.title);
        let (content, file, category) = (entry.content(), entry.file(), entry.category);
        writeln!(
            out,
            "<entry>\n<id>urn:{number}</id>\n<title>{title}</title>\n<link href=\"{link}\"/>\n\
             <published>2026-11-{number:02}T10:30:00Z</published>\n<updated>2026-11-{number:02}T10:30:00Z</updated>\n\
             <author><name>Jane</name></author>\n<category term=\"{category}\"/>\n\
             <link rel=\"enclosure\" type=\"audio/mpeg\" length=\"{number}00\" href=\"{file}\"/>\n{content}\n</entry>"
        )
        .unwrap();
    }
    out.push_str("</feed>\n");
    out
}

fn rdf(language: &str, entries: &[Entry]) -> String {
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" \
         xmlns=\"http://purl.org/rss/1.0/\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\n\
         <channel rdf:about=\"https://site.example/\">\n<title>Site</title>\n<link>https://site.example/</link>\n\
         <description>About</description>\n<dc:language>{language}</dc:language>\n</channel>\n"
    );
    for entry in entries {
        let (link, number, title) = (entry.link(), entry.number, &entry.title);
        let (html, category) = (escaped(&entry.html()), entry.category);
        writeln!(
            out,
            "<item rdf:about=\"{link}\">\n<title>{title}</title>\n<link>{link}</link>\n\
             <dc:date>2026-11-{number:02}T10:30:00Z</dc:date>\n<dc:creator>Jane</dc:creator>\n\
             <dc:subject>{category}</dc:subject>\n<description>{html}</description>\n</item>"
        )
        .unwrap();
    }
    out.push_str("</rdf:RDF>\n");
    out
}

fn json(language: &str, entries: &[Entry]) -> String {
    let items: Vec<String> = entries
        .iter()
        .map(|entry| {
            format!(
                "{{\"id\": \"id-{0}\", \"url\": \"{1}\", \"title\": \"{2}\", \"content_html\": \"{3}\", \
                 \"date_published\": \"2026-11-{0:02}T10:30:00Z\", \"authors\": [{{\"name\": \"Jane\"}}], \
                 \"tags\": [\"{4}\"], \"attachments\": [{{\"url\": \"{5}\", \"mime_type\": \"audio/mpeg\"}}]}}",
                entry.number,
                entry.link(),
                entry.title,
                entry.html(),
                entry.category,
                entry.file()
            )
        })
        .collect();
    format!(
        "{{\"version\": \"https://jsonfeed.org/version/1.1\", \"title\": \"Site\", \"language\": \"{language}\", \
         \"home_page_url\": \"https://site.example/\", \"items\": [\n{}\n]}}\n",
        items.join(",\n")
    )
}
