//! From a path to checked values: read, override, fit to the schema, check. All complaints come together at the end.

use std::path::Path;

use super::check::{Check, Known};
use super::diagnose::Complaints;
use super::overrides::{self, Overrides};
use super::raw::Raw;
use super::read::Reader;
use super::schema::{Walk, schema};
use super::tree::{Table, settle_folders, table_to_json};
use super::{Config, Problem};

/// What was written, whole and fitting the schema, before it is known what it means.
pub(super) struct Written {
    pub(super) reader: Reader,
    pub(super) table: Table,
    pub(super) raw: Raw,
}

/// Reads the main file, its includes and the overrides.
pub(super) fn written(path: &Path, overrides: &Overrides) -> Written {
    let root = schema();
    let mut reader = Reader::default();
    let mut table = reader.main(path);
    settle_folders(&mut table);
    overrides::apply(overrides, &root, &mut table, &mut reader);
    table.remove("$schema");
    let table = Walk {
        complaints: &mut reader.complaints,
    }
    .table(&root, &table);
    let raw = serde_json::from_value(table_to_json(&table)).unwrap_or_else(|error| {
        // The walk has made everything fit; should it miss something, it is said without a place.
        reader
            .complaints
            .push(Problem::error(error.to_string(), None).into());
        Raw::default()
    });
    Written { reader, table, raw }
}

/// Reads and checks a config.
///
/// # Errors
/// Everything that is wrong with it, at once.
pub fn load(path: &Path, overrides: &Overrides) -> Result<Config, Complaints> {
    let base = path.parent().map(Path::to_owned).unwrap_or_default();
    let Written { reader, table, raw } = written(path, overrides);
    let mut check = Check {
        table: &table,
        base: &base,
        environment: &overrides.environment,
        complaints: reader.complaints,
    };
    let config = assemble(&mut check, &raw);
    let mut list = std::mem::take(&mut check.complaints);
    list.sort_by_key(|complaint| {
        complaint
            .problem
            .at
            .as_ref()
            .map(|at| (at.file, at.span.start))
    });
    if list.iter().any(|complaint| !complaint.problem.warning) {
        return Err(Complaints {
            files: reader.files,
            list,
        });
    }
    Ok(Config {
        files: reader.files,
        base_dir: base,
        warnings: list,
        ..config
    })
}

/// The whole config, for better or worse: it counts only if nothing was complained about.
fn assemble(check: &mut Check<'_>, raw: &Raw) -> Config {
    let templates = check.path(&raw.templates);
    let language = check.language("language", &raw.language, templates.as_ref());
    let timezone = check.zone("timezone", &raw.timezone);
    let store = check.store(&raw.store);
    let http = check.http(&raw.http);
    let fetch = check.fetch(raw, &http.public_url);
    let log = check.log(&raw.log);
    let filters = check.filters(raw);
    let groups = check.groups(raw, &filters);
    let feeds = check.feeds(raw, &fetch, &filters, &groups);
    let known = Known {
        groups: groups.keys().cloned().collect(),
        feeds: feeds.iter().map(|feed| feed.key.clone()).collect(),
        filters: filters.keys().cloned().collect(),
        language: language.clone(),
        timezone: timezone.clone(),
        templates: templates.clone(),
    };
    let publish = check.publish(raw, &known);
    let digests = check.digests(raw, &publish, &known);
    let mail = check.mail(raw);
    check.ways_to_leave(raw, mail.as_ref(), &http.public_url);
    let retention = check.retention(raw);
    Config {
        files: Vec::new(),
        base_dir: std::path::PathBuf::new(),
        language,
        timezone,
        templates,
        store,
        http,
        fetch,
        log,
        filters,
        groups,
        feeds,
        publish,
        digests,
        mail,
        retention,
        warnings: Vec::new(),
    }
}
