//! R5.1–R5.5: one object per host, with a clock and dice of our own.

use std::time::Duration;

use feedmill::config::FetchConfig;
use feedmill::fetch::{Finished, HostGaps, HostWait, Hosts, Signal, Slot, Start, host_key};
use feedmill::model::{GapSource, HostState};
use jiff::Timestamp;
use url::Url;

use super::{config, noon};

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;

struct Day {
    hosts: Hosts,
    now: Timestamp,
}

impl Day {
    fn new() -> Self {
        Self {
            hosts: Hosts::new(&config(), &[]),
            now: noon(),
        }
    }

    fn later(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    #[track_caller]
    fn start(&self, url: &str) -> Slot {
        match self
            .hosts
            .try_start(&Url::parse(url).unwrap(), self.now, 0.0)
        {
            Start::Now(slot) => slot,
            Start::NotBefore(at, wait) => panic!("{url}: not before {at} ({wait:?})"),
        }
    }

    #[track_caller]
    fn poll(&self, url: &str, signal: Signal) -> Finished {
        let slot = self.start(url);
        self.hosts.finish(slot, self.now, signal)
    }

    /// Seconds to wait and why.
    fn wait(&self, url: &str) -> Option<(i64, HostWait)> {
        match self
            .hosts
            .try_start(&Url::parse(url).unwrap(), self.now, 0.0)
        {
            Start::Now(_) => None,
            Start::NotBefore(at, wait) => Some((at.duration_since(self.now).as_secs(), wait)),
        }
    }
}

#[test]
fn r5_1_one_request_in_flight_per_host() {
    let mut day = Day::new();
    let slot = day.start("http://a.example/1");
    day.later(10);
    assert_eq!(
        day.wait("https://a.example/2"),
        Some((1, HostWait::Busy)),
        "whatever the scheme"
    );
    assert_eq!(day.wait("http://b.example/"), None);
    drop(slot);
    assert_eq!(
        day.wait("https://a.example/2"),
        None,
        "a cancelled request frees its place"
    );
}

#[test]
fn r5_1_keys() {
    for (url, key) in [
        ("http://Example.org/f", Some("example.org")),
        ("https://example.org:443/f", Some("example.org")),
        ("https://example.org:8443/f", Some("example.org:8443")),
        ("http://example.org./", Some("example.org")),
        ("http://[2606:4700::1]:81/", Some("[2606:4700::1]:81")),
        ("https://old.reddit.com/r/rust.rss", Some("reddit.com")),
        ("https://notreddit.com/", Some("notreddit.com")),
        ("file:///tmp/f.xml", None),
    ] {
        assert_eq!(host_key(&Url::parse(url).unwrap()).as_deref(), key, "{url}");
    }
}

#[test]
fn r5_2_starts_are_spaced_with_additive_jitter() {
    let mut day = Day::new();
    let url = Url::parse("http://a.example/").unwrap();
    let Start::Now(slot) = day.hosts.try_start(&url, day.now, 0.5) else {
        panic!()
    };
    day.hosts.finish(slot, day.now, Signal::Answered);
    let Start::NotBefore(at, HostWait::Gap) = day.hosts.try_start(&url, day.now, 0.0) else {
        panic!()
    };
    assert_eq!(at.duration_since(day.now).as_millis(), 2500);
    day.now = at;
    assert_eq!(day.wait("http://a.example/"), None);
}

#[test]
fn r5_2_the_gap_is_learned_and_forgotten() {
    let mut day = Day::new();
    let mut gaps = Vec::new();
    for _ in 0..6 {
        let finished = day.poll("http://a.example/", Signal::Forbidden);
        gaps.push(finished.state.unwrap().gap_ms);
        day.hosts.clear("a.example");
        day.later(HOUR);
    }
    assert_eq!(gaps, [4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    let decayed = day
        .poll("http://a.example/", Signal::Answered)
        .state
        .unwrap()
        .gap_ms;
    assert_eq!(decayed, 54_000, "ten per cent a clean hour");
    day.later(48 * HOUR);
    assert_eq!(
        day.poll("http://a.example/", Signal::Answered)
            .state
            .unwrap()
            .gap_ms,
        0,
        "back to the config's"
    );
}

#[test]
fn r5_2_a_host_may_have_a_gap_of_its_own() {
    let secs = Duration::from_secs;
    let gaps = [
        ("reddit.com", secs(60)),
        ("example.org", secs(10)),
        ("fast.example.org", secs(1)),
        ("192.0.2.7", secs(30)),
    ];
    let slow = FetchConfig {
        host_gaps: gaps
            .map(|(name, gap)| (name.to_owned(), gap))
            .into_iter()
            .collect(),
        ..config()
    };
    let mut day = Day::new();
    day.hosts = Hosts::new(&slow, &[]);
    for (url, other, gap) in [
        (
            "https://www.reddit.com/r/a.rss",
            "https://old.reddit.com/r/b.rss",
            60,
        ),
        ("http://example.org/", "http://example.org/2", 10),
        (
            "http://a.example.org:8080/",
            "http://a.example.org:8080/",
            10,
        ),
        (
            "http://b.fast.example.org/",
            "http://b.fast.example.org/",
            1,
        ),
        ("http://192.0.2.7/", "http://192.0.2.7/", 30),
        ("http://notexample.org/", "http://notexample.org/", 2),
    ] {
        day.poll(url, Signal::Answered);
        assert_eq!(day.wait(other), Some((gap, HostWait::Gap)), "{url}");
    }
    // One a minute is also where a learned gap goes back to.
    day.later(MINUTE);
    let finished = day.poll("https://reddit.com/r/c.rss", Signal::Forbidden);
    assert_eq!(finished.state.unwrap().gap_ms, 60_000);
    day.later(HOUR);
    let finished = day.poll("https://reddit.com/r/c.rss", Signal::Answered);
    assert_eq!(finished.state.unwrap().gap_ms, 0);
    day.hosts.reconfigure(&config(), &[]);
    assert_eq!(
        day.wait("https://reddit.com/r/d.rss"),
        Some((2, HostWait::Gap)),
        "a reload takes it back"
    );
}

#[test]
fn r5_4_a_429_rests_the_whole_host() {
    let mut day = Day::new();
    day.poll(
        "http://a.example/1",
        Signal::Throttled(Some(Duration::from_secs(86_400))),
    );
    day.later(10);
    assert_eq!(
        day.wait("http://a.example/2"),
        Some((86_390, HostWait::Gate))
    );
    assert_eq!(day.wait("http://b.example/"), None);
    day.later(86_390);
    assert_eq!(day.wait("http://a.example/2"), None);
}

#[test]
fn r5_4_a_429_without_a_time_doubles() {
    let mut day = Day::new();
    for hours in [1, 2, 4, 8, 16, 32, 64, 128, 168, 168] {
        day.poll("http://a.example/", Signal::Throttled(None));
        assert_eq!(
            day.wait("http://a.example/"),
            Some((hours * 3600, HostWait::Gate))
        );
        day.later(hours.unsigned_abs() * HOUR);
    }
}

#[test]
fn r2_16_a_gate_is_never_shortened() {
    let mut day = Day::new();
    let pairs = FetchConfig {
        per_host: 2,
        host_gap: Duration::ZERO,
        ..config()
    };
    day.hosts = Hosts::new(&pairs, &[]);
    let (long, short) = (
        day.start("http://a.example/1"),
        day.start("http://a.example/2"),
    );
    for (slot, seconds) in [(long, 9999), (short, 5)] {
        let rest = Signal::Throttled(Some(Duration::from_secs(seconds)));
        day.hosts.finish(slot, day.now, rest);
    }
    assert_eq!(day.wait("http://a.example/1"), Some((9999, HostWait::Gate)));
}

#[test]
fn r5_4_503_rests_the_host_once_two_urls_say_so() {
    let mut day = Day::new();
    let rest = Signal::Unavailable(Some(Duration::from_secs(HOUR)));
    day.poll("http://a.example/1", rest);
    day.later(MINUTE);
    day.poll("http://a.example/1", rest);
    day.later(11 * MINUTE);
    assert_eq!(
        day.wait("http://a.example/2"),
        None,
        "one URL is that URL's trouble"
    );
    day.later(MINUTE);
    day.poll("http://a.example/2", rest);
    day.later(MINUTE);
    day.poll("http://a.example/1", rest);
    assert_eq!(day.wait("http://a.example/3"), Some((3600, HostWait::Gate)));
}

#[test]
fn r5_5_the_breaker_opens_doubles_and_half_opens() {
    let mut day = Day::new();
    for feed in 1..=4 {
        day.poll(&format!("http://a.example/{feed}"), Signal::Unreachable);
        day.later(10);
        assert_eq!(day.wait("http://a.example/"), None);
        day.later(10);
    }
    for minutes in [15, 30, 60, 120, 240, 360, 360] {
        day.poll("http://a.example/", Signal::Unreachable);
        assert_eq!(
            day.wait("http://a.example/"),
            Some((minutes * 60, HostWait::Breaker))
        );
        day.later(minutes.unsigned_abs() * MINUTE);
    }
    let probe = day.start("http://a.example/1");
    day.later(10);
    assert_eq!(
        day.wait("http://a.example/2"),
        Some((1, HostWait::Busy)),
        "half open lets one through"
    );
    day.hosts.finish(probe, day.now, Signal::Answered);
    assert_eq!(day.wait("http://a.example/2"), None);
}

#[test]
fn r5_5_our_own_outage_counts_for_nobody() {
    let mut day = Day::new();
    for host in 1..=9 {
        assert!(
            day.poll(&format!("http://h{host}.example/"), Signal::Answered)
                .counts
        );
    }
    day.later(10 * MINUTE);
    let verdicts: Vec<_> = (1..=4)
        .map(|n| {
            day.poll(&format!("http://h{n}.example/"), Signal::Unreachable)
                .counts
        })
        .collect();
    assert_eq!(verdicts, [true; 4], "four hosts may really be down");
    assert!(!day.poll("http://h5.example/", Signal::Unreachable).counts);
    assert!(day.hosts.offline(day.now));
    assert!(
        day.hosts.states().iter().all(|state| state.failures == 0),
        "taken back"
    );

    assert_eq!(
        day.wait("http://h6.example/"),
        Some((15, HostWait::Offline))
    );
    day.later(15);
    assert!(!day.poll("http://h6.example/", Signal::Unreachable).counts);
    assert_eq!(
        day.wait("http://h7.example/"),
        Some((15, HostWait::Offline)),
        "one probe at a time"
    );
    day.later(15);
    day.poll("http://h7.example/", Signal::Answered);
    day.later(15);
    day.poll("http://h8.example/", Signal::Answered);
    assert!(!day.hosts.offline(day.now));
}

/// A day of an install with feeds on hosts h1 … h`count`.
fn small(count: usize) -> Day {
    let feed = |n: usize| super::feed(&format!("f{n}"), &format!("http://h{n}.example/"));
    let feeds: Vec<_> = (1..=count).map(feed).collect();
    Day {
        hosts: Hosts::new(&config(), &feeds),
        now: noon(),
    }
}

#[test]
fn r5_5_an_outage_of_a_small_install_is_seen_however_seldom_it_polls() {
    for hosts in [2, 3, 5, 30] {
        let mut day = small(hosts);
        let url = |n: usize| format!("http://h{n}.example/");
        for n in 1..=hosts {
            day.poll(&url(n), Signal::Answered);
        }
        day.later(HOUR);
        let went_down = day.now;
        let verdicts: Vec<bool> = (1..=hosts.min(5))
            .map(|n| {
                day.later(40 * MINUTE);
                day.poll(&url(n), Signal::Unreachable).counts
            })
            .collect();
        let (last, first) = verdicts.split_last().unwrap();
        assert!(!last && first.iter().all(|counts| *counts), "{verdicts:?}");
        assert!(day.hosts.states().iter().all(|state| state.failures == 0));
        // All night: one failure after the other counts for nobody, and one probe leaves at a time.
        for n in 0..12 {
            day.later(HOUR);
            assert!(!day.poll(&url(1 + n % hosts), Signal::Unreachable).counts);
        }
        assert_eq!(day.hosts.take_recovery(), None);
        day.later(HOUR);
        day.poll(&url(1), Signal::Answered);
        assert!(!day.hosts.offline(day.now));
        let since = day.hosts.take_recovery().unwrap();
        assert_eq!(since, went_down + Duration::from_secs(40 * MINUTE));
        assert_eq!(day.hosts.take_recovery(), None, "once");
    }
}

#[test]
fn r5_5_a_dead_host_is_no_sign_of_an_outage() {
    let mut day = small(3);
    let poll = |day: &mut Day, n: u8, signal| {
        day.later(HOUR);
        day.poll(&format!("http://h{n}.example/"), signal).counts
    };
    assert!(poll(&mut day, 1, Signal::Unreachable));
    assert!(poll(&mut day, 2, Signal::Answered));
    // h1 is dead, as the success after its failure shows; one more failing host is not all of the others.
    assert!(poll(&mut day, 1, Signal::Unreachable));
    assert!(poll(&mut day, 2, Signal::Unreachable));
    assert!(!poll(&mut day, 3, Signal::Unreachable), "both living ones");
    // Two hosts that stay away for more than a day are believed to be dead after all.
    day.later(24 * HOUR);
    assert!(poll(&mut day, 2, Signal::Unreachable));
}

#[test]
fn r5_5_the_only_host_can_always_be_dead() {
    let mut day = small(1);
    for _ in 0..4 {
        assert!(day.poll("http://h1.example/", Signal::Unreachable).counts);
        day.later(HOUR);
    }
}

#[test]
fn r5_5_a_few_dead_hosts_among_living_ones_do_count() {
    let day = Day::new();
    for host in 1..=20 {
        let signal = if host % 2 == 0 {
            Signal::Answered
        } else {
            Signal::Unreachable
        };
        assert!(
            day.poll(&format!("http://h{host}.example/"), signal).counts,
            "{host}"
        );
    }
}

#[test]
fn r5_4_own_servers_are_neither_spaced_nor_rested() {
    let day = Day::new();
    for signal in [
        Signal::Throttled(None),
        Signal::Unavailable(None),
        Signal::Forbidden,
        Signal::Answered,
    ] {
        day.poll("http://127.0.0.1:8000/1", signal);
        day.poll("http://localhost:8000/1", signal);
    }
    for _ in 0..20 {
        assert!(
            day.poll("http://127.0.0.1:8000/2", Signal::Unreachable)
                .counts
        );
    }
    assert_eq!(day.wait("http://127.0.0.1:8000/3"), None);
    assert_eq!(day.wait("http://192.168.0.1/"), None);
    assert_eq!(
        day.wait("http://192.168.0.1/"),
        Some((2, HostWait::Gap)),
        "not approved, not own"
    );
}

#[test]
fn r2_24_http1_is_remembered_for_a_week() {
    let day = Day::new();
    let state = day
        .poll("https://a.example/", Signal::Http2Broken)
        .state
        .unwrap();
    assert_eq!(
        state.http1_until,
        Some(noon() + Duration::from_secs(7 * 86_400))
    );
}

#[test]
fn r1_12_gates_survive_a_restart() {
    let mut day = Day::new();
    day.poll(
        "http://a.example/",
        Signal::Throttled(Some(Duration::from_secs(HOUR))),
    );
    let restarted = Day::new();
    restarted.hosts.load(day.hosts.states());
    assert_eq!(
        restarted.wait("http://a.example/"),
        Some((3600, HostWait::Gate))
    );
    day.hosts.reconfigure(&config(), &[]);
    day.later(10);
    assert_eq!(
        day.wait("http://a.example/"),
        Some((3590, HostWait::Gate)),
        "and a reload"
    );
}

#[test]
fn counts() {
    let mut day = Day::new();
    for not_modified in [true, false, true] {
        let slot = day.start("http://a.example/");
        let feedback = feedmill::fetch::Feedback {
            signal: Signal::Answered,
            not_modified,
            received_bytes: 10,
        };
        day.hosts.finish(slot, day.now, feedback);
        day.later(10);
    }
    day.poll("http://a.example/", Signal::Throttled(None));
    let state = &day.hosts.states()[0];
    let counted = (
        state.requests,
        state.not_modified,
        state.received_bytes,
        state.throttled,
    );
    assert_eq!(counted, (4, 2, 30, 1));
}

#[tokio::test]
async fn local_files_have_no_host() {
    let day = Day::new();
    let finished = day.poll("file:///tmp/f.xml", Signal::Answered);
    assert_eq!((finished.state, finished.counts), (None, true));
}

#[test]
fn r5_3_no_more_than_eight_foreign_hosts_are_asked_within_a_second() {
    let eight = FetchConfig {
        starts_per_second: 8,
        ..config()
    };
    let hosts = Hosts::new(&eight, &[]);
    let mut waiting: Vec<(Timestamp, String)> = (0..100)
        .map(|host| (noon(), format!("https://h{host}.example/feed")))
        .collect();
    let (mut starts, mut tries): (Vec<Timestamp>, usize) = (Vec::new(), 0);
    while !waiting.is_empty() {
        waiting.sort();
        let (now, url) = waiting.remove(0);
        tries += 1;
        match hosts.try_start(&Url::parse(&url).unwrap(), now, 0.0) {
            Start::Now(slot) => {
                hosts.finish(slot, now, Signal::Answered);
                starts.push(now);
            }
            Start::NotBefore(at, wait) => {
                assert_eq!(wait, HostWait::Rate);
                assert!(at > now);
                waiting.push((at, url));
            }
        }
        assert!(tries < 400, "who waits must not come back in vain");
    }
    for start in &starts {
        let second = *start..*start + Duration::from_secs(1);
        let within = starts.iter().filter(|at| second.contains(at)).count();
        assert!(within <= 8, "{within} within a second of {start}");
    }
    let whole = starts.last().unwrap().duration_since(noon()).as_secs();
    assert!((11..=16).contains(&whole), "{whole} s for a hundred");
    // The operator's own are not counted.
    for host in 1..100 {
        let url = Url::parse(&format!("http://127.0.0.{host}/feed")).unwrap();
        assert!(matches!(hosts.try_start(&url, noon(), 0.0), Start::Now(_)));
    }
}

#[test]
fn r5_2_the_gap_in_force_is_told_with_where_it_comes_from() {
    let config = FetchConfig {
        host_gap: Duration::from_secs(2),
        host_gaps: [("slow.example".to_owned(), Duration::from_secs(60))].into(),
        allow_networks: vec!["10.0.0.0/8".parse().unwrap()],
        ..config()
    };
    let mut feed = super::feed("seven", "http://192.168.7.1/feed");
    feed.allow_networks = vec!["192.168.7.0/24".parse().unwrap()];
    let gaps = HostGaps::new(&config, &[feed]);
    let told = |host: &str, gap_ms| {
        let (gap, from) = gaps.in_force(&HostState {
            host: host.to_owned(),
            gap_ms,
            ..HostState::default()
        });
        (gap.as_millis(), from)
    };
    assert_eq!(told("one.example", 0), (2000, GapSource::Fetch));
    assert_eq!(told("one.example:8080", 4000), (4000, GapSource::Learned));
    assert_eq!(told("slow.example", 4000), (60_000, GapSource::Host));
    assert_eq!(told("a.slow.example:81", 0), (60_000, GapSource::Host));
    assert_eq!(told("10.1.2.3:8080", 4000), (0, GapSource::Own));
    // Approved for a feed of its own, which is how its polls go.
    assert_eq!(told("192.168.7.1", 4000), (0, GapSource::Own));
}
