//! A run's report, its recording and what was found wrong, as one trace.

use serde_json::{Value, json};

use super::record::{
    End, FORMAT, Fault, Leader, Note, Operation, Start, Trace, VERSION, Violation,
};
use super::recording::{Recording, nanoseconds};
use super::results;
use crate::bench::config::Metric;
use crate::bench::config::{Config, Latency};
use crate::bench::record::timeline::{self, FaultKind};
use crate::bench::verdict::history_check;
use crate::bench::verdict::history_check::Linearizability;
use crate::bench::verdict::report::Report;
use crate::bench::verdict::violation;
use crate::linearizability::{self, Kind};

/// What decided a run besides config and seed.
#[derive(Clone, Debug)]
pub struct Circumstances {
    /// Whether time was virtual.
    pub is_virtual: bool,
    /// The replicas' program, or what stood in for it.
    pub program: String,
    /// The constants of embedded replicas.
    pub constants: Value,
    /// The command that repeats the run.
    pub command: String,
}

/// Makes a trace of a run; `violations` is what it showed that none may show. Without a recording
/// there are no messages in it.
pub fn compile(
    report: &Report,
    recording: Option<Recording>,
    violations: Vec<Violation>,
    circumstances: &Circumstances,
) -> Trace {
    let roster = report.config.roster();
    let start = Start {
        format: FORMAT.to_owned(),
        version: VERSION,
        config: config(&report.config),
        seed: report.seed,
        replicas: (0..roster.replicas())
            .map(|at| roster.replica(at))
            .collect(),
        clients: (0..roster.clients()).map(|at| roster.client(at)).collect(),
        options: json!({
            "virtual": circumstances.is_virtual,
            "program": circumstances.program,
            "replica": circumstances.constants,
        }),
        command: circumstances.command.clone(),
    };
    let recording = recording.unwrap_or_default();
    // What a broken promise ended has no round of the simulator's behind it.
    let ended = [
        recording.messages.last().map(|last| last.time_ns),
        recording.states.last().map(|last| last.time_ns),
        recording.output.last().map(|last| last.time_ns),
        violations.iter().map(|violation| violation.time_ns).max(),
    ];
    let ended = ended.into_iter().flatten().max().unwrap_or(0);
    let leaders = report.timeline.leaders.iter();
    let notes = report.timeline.notes.iter();
    Trace {
        start,
        messages: recording.messages,
        states: recording.states,
        output: recording.output,
        leaders: leaders
            .map(|&(time, leader)| Leader {
                time_ns: nanoseconds(time),
                leader,
            })
            .collect(),
        faults: report.timeline.faults.iter().map(fault).collect(),
        notes: notes
            .map(|(time, text)| Note {
                time_ns: nanoseconds(*time),
                text: text.clone(),
            })
            .collect(),
        end: End {
            time_ns: nanoseconds(report.lasted).max(ended),
            complete: report.complete,
            passed: report.passed() && violations.is_empty(),
            left_out: recording.left_out,
            output_left_out: recording.output_left_out,
            results: results::object(report),
        },
        violations,
    }
}

/// What a run showed that none may show, in the order of time; `broken` is the promise that an
/// embedded replica broke, if one did.
pub fn violations(report: &Report, broken: Option<&violation::Violation>) -> Vec<Violation> {
    let mut found = Vec::new();
    if let Some(broken) = broken {
        found.push(Violation {
            time_ns: nanoseconds(broken.time),
            kind: "invariant".to_owned(),
            name: broken.promise.to_owned(),
            text: broken.what.clone(),
            operations: Vec::new(),
        });
    }
    // A run that a broken promise ended is not judged, but what its clients saw may show it.
    let doubtful = match report.linearizability {
        Linearizability::Violated(_) => true,
        Linearizability::Unchecked => broken.is_some(),
        Linearizability::Holds | Linearizability::Undecided => false,
    };
    let history = report.history.as_deref().filter(|_| doubtful);
    let operations = history_check::operations(history.unwrap_or_default());
    if let linearizability::Outcome::Violation(violation) = linearizability::check(&operations) {
        let returns = violation.operations.iter().filter_map(|o| o.returned_ns);
        let begins = violation.operations.iter().map(|o| o.invoked_ns);
        found.push(Violation {
            // It shows with the last answer that does not fit.
            time_ns: returns.max().or(begins.max()).unwrap_or(0),
            kind: "history".to_owned(),
            name: "linearizability".to_owned(),
            text: violation.explanation.clone(),
            operations: violation.operations.iter().map(operation).collect(),
        });
    }
    let incorrect = "INCORRECT: ";
    let notes = report.timeline.notes.iter();
    found.extend(notes.filter_map(|(time, text)| {
        Some(Violation {
            time_ns: nanoseconds(*time),
            kind: "incorrect".to_owned(),
            name: "incorrect answer or message".to_owned(),
            text: text.strip_prefix(incorrect)?.to_owned(),
            operations: Vec::new(),
        })
    }));
    found.sort_by_key(|violation| violation.time_ns);
    found
}

fn operation(operation: &linearizability::Operation) -> Operation {
    Operation {
        client: operation.client,
        request: operation.request,
        op: match operation.kind {
            Kind::Get => "get",
            Kind::Put => "put",
        }
        .to_owned(),
        key: operation.key.to_string(),
        value: operation.value.to_string(),
        invoked_ns: operation.invoked_ns,
        returned_ns: operation.returned_ns,
    }
}

fn fault(fault: &timeline::Fault) -> Fault {
    let common = |kind: &str| Fault {
        time_ns: nanoseconds(fault.time),
        kind: kind.to_owned(),
        text: fault.said.clone(),
        ..Fault::default()
    };
    let with = |kind: &str, replica| Fault {
        replica: Some(replica),
        ..common(kind)
    };
    match &fault.kind {
        FaultKind::Kill { replica, leader } => Fault {
            leader: *leader,
            ..with("kill", *replica)
        },
        FaultKind::Died(replica) => with("died", *replica),
        FaultKind::Start(replica) => with("start", *replica),
        FaultKind::Pause(replica) => with("pause", *replica),
        FaultKind::Resume(replica) => with("resume", *replica),
        FaultKind::Split { sides, majority } => Fault {
            sides: sides.clone(),
            majority: *majority,
            ..common("split")
        },
        FaultKind::Cut(from, to) => Fault {
            cut: Some((*from, *to)),
            ..common("cut")
        },
        FaultKind::Heal => common("heal"),
    }
}

/// A config's name and keys, times in seconds.
pub fn config(config: &Config) -> Value {
    let benchmarks: serde_json::Map<String, Value> = Metric::ALL
        .iter()
        .zip(config.benchmarks)
        .map(|(metric, thresholds)| (metric.name().to_owned(), json!(thresholds)))
        .collect();
    let faults = &config.faults;
    let seconds = |time: std::time::Duration| time.as_secs_f64();
    json!({
        "name": config.name,
        "purpose": config.purpose,
        "replicas": config.replicas,
        "clients": config.clients,
        "shared_keys": config.shared_keys,
        "punctual": config.punctual,
        "requests": config.requests,
        "mix": config.mix,
        "start_wait": seconds(config.start_wait),
        "lifetime": seconds(config.lifetime),
        "end_wait": seconds(config.end_wait),
        "drops": config.drops,
        "max_packets": config.max_packets,
        "latency": match faults.latency {
            Latency::None => Value::Null,
            Latency::Uniform(min, max) => json!({"type": "uniform",
                "min_ms": seconds(min) * 1e3, "max_ms": seconds(max) * 1e3}),
            Latency::Exponential { mean, max } => json!({"type": "exponential",
                "mean_ms": seconds(mean) * 1e3, "max_ms": seconds(max) * 1e3}),
        },
        "reorder": faults.reorder,
        "duplicate": faults.duplicate,
        "client_drops": faults.client_drops,
        "clock_drift_ppm": faults.clock_drift_ppm,
        "benchmarks": benchmarks,
    })
}
