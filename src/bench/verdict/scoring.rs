//! The verdict: did the run keep every rule, and how good was it.
//!
//! A function of the config and of what was counted; must never look at anything else.

use crate::bench::config::Config;
use crate::bench::record::ended::Evidence;
use crate::bench::record::stats::Counters;

/// How good a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Strictly below the first threshold.
    Bonus,
    /// Strictly below the second.
    Full,
    /// Strictly below the third.
    Partial,
    /// Not even that, or not judged.
    None,
}

impl Tier {
    /// The tier as a number, 0 the best and 3 the worst.
    pub fn number(self) -> u8 {
        match self {
            Tier::Bonus => 0,
            Tier::Full => 1,
            Tier::Partial => 2,
            Tier::None => 3,
        }
    }

    /// The tier as the course writes it.
    pub fn title(self) -> &'static str {
        match self {
            Tier::Bonus => "Bonus!",
            Tier::Full => "Full credit",
            Tier::Partial => "Partial credit",
            Tier::None => "No credit",
        }
    }

    /// The tier of a value; no value earns no credit.
    pub fn of(value: Option<f64>, thresholds: [f64; 3]) -> Tier {
        let Some(value) = value else {
            return Tier::None;
        };
        let [bonus, full, partial] = thresholds;
        if value < bonus {
            Tier::Bonus
        } else if value < full {
            Tier::Full
        } else if value < partial {
            Tier::Partial
        } else {
            Tier::None
        }
    }
}

/// The verdict on a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What was not correct; a run without errors has passed.
    pub errors: Vec<String>,
    /// The metrics, in [`Metric::ALL`](crate::bench::config::Metric::ALL)'s order; a latency without
    /// answers has no value.
    pub values: [Option<f64>; 4],
    /// Their tiers; all [`Tier::None`] if the run has not passed.
    pub tiers: [Tier; 4],
    /// The best tiers that any replica could have had in this run.
    pub reachable: [Tier; 4],
}

/// How many tiers of a metric were lost that could have been had.
///
/// # Panics
///
/// If the tier is better than the best: then the best was judged wrongly.
pub fn lost_tiers(tier: Tier, reachable: Tier) -> u8 {
    assert!(
        tier >= reachable,
        "{tier:?} is better than what could be had, {reachable:?}"
    );
    tier.number() - reachable.number()
}

impl Verdict {
    /// Whether everything was correct.
    pub fn passed(&self) -> bool {
        self.errors.is_empty()
    }
}

/// Judges a run.
pub fn judge(config: &Config, counters: &Counters, evidence: &Evidence) -> Verdict {
    let failures = counters.get_failures
        + counters.put_failures
        + evidence.unanswered_get
        + evidence.unanswered_put;
    let median = crate::bench::record::stats::median(&counters.answer_latencies);
    let values = [
        Some(counters.total_msgs as f64),
        Some(failures as f64),
        Some(counters.duplicates as f64),
        median.map(|time| time.as_secs_f64()),
    ];
    let errors = errors(config, counters, evidence);
    let tiers = std::array::from_fn(|index| {
        if errors.is_empty() {
            Tier::of(values[index], config.benchmarks[index])
        } else {
            Tier::None
        }
    });
    Verdict {
        errors,
        values,
        tiers,
        reachable: reachable(config, counters, evidence),
    }
}

/// The best tiers that could be had: no duplicates, no failures but the doomed, and so few messages that the run is
/// just correct. Where the clients' draw alone fails the run, nothing could be had.
fn reachable(config: &Config, counters: &Counters, evidence: &Evidence) -> [Tier; 4] {
    let least = least_msgs(config).ceil();
    let best = Counters {
        total_msgs: least as u64,
        generated_get: counters.generated_get,
        generated_put: counters.generated_put,
        failed_to_generate_get: counters.failed_to_generate_get,
        ..Counters::default()
    };
    let stored = Evidence {
        stored: true,
        somebody_leads: true,
        ..Evidence::default()
    };
    if !errors(config, &best, &stored).is_empty() {
        return [Tier::None; 4];
    }
    let values = [least, evidence.doomed as f64, 0.0, 0.0];
    std::array::from_fn(|index| Tier::of(Some(values[index]), config.benchmarks[index]))
}

/// So many messages between replicas are the least for which a run is correct.
fn least_msgs(config: &Config) -> f64 {
    f64::from(config.requests)
        * config.replicas as f64
        * (1.0 - config.mix)
        * (1.0 - config.maximum_appends_batched_fraction)
}

fn errors(config: &Config, counters: &Counters, evidence: &Evidence) -> Vec<String> {
    let mut errors = evidence.deaths.clone();
    if counters.incorrect > 0 {
        errors.push(format!(
            "{} incorrect messages or values:",
            counters.incorrect
        ));
        errors.extend(evidence.incorrect.iter().map(|text| format!("  {text}")));
        if counters.incorrect > evidence.incorrect.len() as u64 {
            errors.push("  and more like these".to_owned());
        }
    }
    if config.requests == 0 {
        if !evidence.somebody_leads {
            errors.push("nobody leads: no replica named a leader in its messages".to_owned());
        }
    } else if !evidence.stored {
        errors.push("no state was stored: no put was answered with ok".to_owned());
    }
    let mut at_most = |what: &str, number: u64, of: u64, fraction: f64, made: &str, why: &str| {
        if number as f64 > of as f64 * fraction {
            let most = percent(fraction);
            errors.push(format!(
                "{number} {what}: at most {most} of the {of} {made} may{why}"
            ));
        }
    };
    at_most(
        "gets unanswered",
        evidence.unanswered_get,
        counters.generated_get,
        config.maximum_get_fail_fraction,
        "gets drawn",
        "",
    );
    at_most(
        "puts unanswered",
        evidence.unanswered_put,
        counters.generated_put,
        config.maximum_put_fail_fraction,
        "puts drawn",
        "",
    );
    // Where every put was answered, clients had keys as soon as they could have.
    let draw = if evidence.stored && evidence.unanswered_put == 0 {
        "; it is the clients' draw and no fault of the replica's, another --seed may pass"
    } else {
        ""
    };
    let followed = match evidence.stored {
        true => counters.failed_to_generate_get,
        false => 0,
    };
    at_most(
        "gets had to become puts, for their clients had stored nothing yet",
        followed,
        counters.generated_get,
        config.maximum_get_generation_fail_fraction,
        "gets drawn",
        draw,
    );
    let least_msgs = least_msgs(config);
    if evidence.stored && (counters.total_msgs as f64) < least_msgs {
        errors.push(format!(
            "{} messages between replicas: replication takes at least {}",
            counters.total_msgs,
            // There are no half messages.
            least_msgs.ceil()
        ));
    }
    errors
}

/// A fraction in per cent, with a decimal if it needs one.
fn percent(fraction: f64) -> String {
    format!("{}%", (fraction * 1000.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::config::tests::config;
    use serde_json::json;
    use std::time::Duration;

    /// A run of 10 requests, half of them gets, that just keeps every rule.
    fn flawless() -> (Config, Counters, Evidence) {
        let config = config(json!({"mix": 0.5, "tests": {
            "maximum_get_fail_fraction": 0.2, "maximum_put_fail_fraction": 0.4,
            "benchmarks": {"total_msgs": [13, 20, 30]}
        }}));
        let counters = Counters {
            total_msgs: 13,
            generated_get: 5,
            generated_put: 5,
            answer_latencies: vec![Duration::from_millis(1)],
            ..Counters::default()
        };
        let evidence = Evidence {
            stored: true,
            ..Evidence::default()
        };
        (config, counters, evidence)
    }

    #[test]
    fn without_requests_it_is_enough_that_somebody_leads() {
        let config = config(json!({"requests": 0}));
        let errors = |somebody_leads| {
            let evidence = Evidence {
                somebody_leads,
                ..Evidence::default()
            };
            judge(&config, &Counters::default(), &evidence).errors
        };
        assert_eq!(errors(true), [""; 0]);
        assert_eq!(
            errors(false),
            ["nobody leads: no replica named a leader in its messages"]
        );
    }

    fn error_of(change: impl Fn(&mut Counters, &mut Evidence)) -> String {
        let (config, mut counters, mut evidence) = flawless();
        change(&mut counters, &mut evidence);
        let verdict = judge(&config, &counters, &evidence);
        assert_eq!(verdict.passed(), verdict.errors.is_empty());
        if !verdict.passed() {
            assert_eq!(
                verdict.tiers,
                [Tier::None; 4],
                "performance needs correctness"
            );
        }
        verdict.errors.join("\n")
    }

    #[test]
    fn a_value_is_judged_strictly_below_each_threshold() {
        let tier = |value| Tier::of(Some(value), [1.0, 2.0, 5.0]).number();
        assert_eq!(
            [0.0, 0.9, 1.0, 1.9, 2.0, 4.9, 5.0].map(tier),
            [0, 0, 1, 1, 2, 2, 3]
        );
        assert_eq!(
            Tier::of(Some(0.0), [0.0, 1.0, 2.0]),
            Tier::Full,
            "a bonus out of reach"
        );
        assert_eq!(Tier::of(None, [1.0, 2.0, 3.0]), Tier::None);
    }

    #[test]
    fn a_run_that_keeps_every_rule_passes_with_its_tiers() {
        let (config, counters, evidence) = flawless();
        let verdict = judge(&config, &counters, &evidence);
        assert_eq!(verdict.errors, Vec::<String>::new());
        assert_eq!(
            verdict.values,
            [Some(13.0), Some(0.0), Some(0.0), Some(0.001)]
        );
        assert_eq!(verdict.tiers, [Tier::Full; 4]);
    }

    #[test]
    fn each_rule_of_correctness_fails_just_beyond_its_limit() {
        assert!(error_of(|counters, _| counters.incorrect = 1).contains("1 incorrect"));
        assert!(error_of(|_, evidence| evidence.deaths = vec!["died".into()]).contains("died"));
        assert!(error_of(|_, evidence| evidence.stored = false).contains("no state"));
        // 0.2 of 5 gets, 0.4 of 5 puts, 0.1 of 5 gets, 10 requests x 5 replicas x 0.5 x 0.5.
        assert_eq!(error_of(|_, evidence| evidence.unanswered_get = 1), "");
        assert!(error_of(|_, evidence| evidence.unanswered_get = 2).contains("at most 20% of"));
        assert_eq!(error_of(|_, evidence| evidence.unanswered_put = 2), "");
        assert!(error_of(|_, evidence| evidence.unanswered_put = 3).contains("3 puts unanswered"));
        assert_eq!(
            error_of(|counters, _| counters.failed_to_generate_get = 1),
            "1 gets had to become puts, for their clients had stored nothing yet: at most 10% of the \
             5 gets drawn may; it is the clients' draw and no fault of the replica's, another --seed \
             may pass"
        );
        let unanswered = |counters: &mut Counters, evidence: &mut Evidence| {
            counters.failed_to_generate_get = 1;
            evidence.unanswered_put = 1;
        };
        assert!(error_of(unanswered).ends_with("10% of the 5 gets drawn may"));
        let ten = |counters: &mut Counters, _: &mut Evidence| {
            counters.generated_get = 10;
            counters.failed_to_generate_get = 1;
        };
        assert_eq!(error_of(ten), "");
        assert_eq!(error_of(|counters, _| counters.total_msgs = 13), "");
        assert!(error_of(|counters, _| counters.total_msgs = 12).contains("at least 13"));
    }

    #[test]
    fn what_could_be_had_leaves_out_the_doomed_and_what_the_clients_drew() {
        let (mut config, mut counters, mut evidence) = flawless();
        config.benchmarks[1] = [1.0, 2.0, 10.0];
        let reachable = |counters: &Counters, evidence: &Evidence| {
            judge(&config, counters, evidence)
                .reachable
                .map(Tier::number)
        };
        // 13 messages are the least, and the bonus of 13 cannot be had with them.
        assert_eq!(reachable(&counters, &evidence)[0], 1);
        for (doomed, best) in [(0, 0), (1, 1), (2, 2), (10, 3)] {
            evidence.doomed = doomed;
            assert_eq!(reachable(&counters, &evidence)[1], best, "{doomed} doomed");
        }
        counters.total_msgs = 0;
        assert_eq!(
            reachable(&counters, &evidence)[0],
            1,
            "whatever was reached"
        );
        counters.failed_to_generate_get = 1;
        assert_eq!(
            reachable(&counters, &evidence),
            [3; 4],
            "the draw fails the run"
        );
        assert_eq!(lost_tiers(Tier::None, Tier::None), 0);
        assert_eq!(lost_tiers(Tier::Partial, Tier::Bonus), 2);
    }

    #[test]
    fn failures_are_fail_answers_and_unanswered_attempts() {
        let (config, mut counters, mut evidence) = flawless();
        counters.get_failures = 1;
        counters.put_failures = 2;
        evidence.unanswered_get = 1;
        evidence.unanswered_put = 2;
        assert_eq!(judge(&config, &counters, &evidence).values[1], Some(6.0));
    }
}
