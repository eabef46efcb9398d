//! The course's seventeen tests: their order, their groups and what each is about.
//!
//! What a test does is written in its config file alone.

/// A test of the course.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Test {
    /// The name of its config file, without directory and extension.
    pub name: &'static str,
    /// The heading it stands under.
    pub group: &'static str,
    /// What it is about.
    pub description: &'static str,
}

const fn test(name: &'static str, group: &'static str, description: &'static str) -> Test {
    Test {
        name,
        group,
        description,
    }
}

const BASIC: &str = "Basic";
const UNRELIABLE: &str = "Unreliable network";
const CRASH: &str = "Crash failure";
const PARTITION: &str = "Partition";
const ADVANCED: &str = "Advanced";

/// The seventeen tests, in the order in which `all` runs them.
pub const TESTS: [Test; 17] = [
    test("simple-1", BASIC, "no faults, 80 % gets"),
    test("simple-2", BASIC, "no faults, 80 % puts"),
    test("unreliable-1", UNRELIABLE, "5 % of the messages lost"),
    test("unreliable-2", UNRELIABLE, "10 % of the messages lost"),
    test("unreliable-3", UNRELIABLE, "15 % of the messages lost"),
    test("crash-1", CRASH, "one follower crashes"),
    test("crash-2", CRASH, "two followers crash"),
    test("crash-3", CRASH, "the leader crashes"),
    test("crash-4", CRASH, "two leaders crash"),
    test(
        "partition-1",
        PARTITION,
        "one partition, the leader in the majority",
    ),
    test(
        "partition-2",
        PARTITION,
        "two partitions, the leader in the majority",
    ),
    test("partition-3", PARTITION, "one random partition"),
    test("partition-4", PARTITION, "two random partitions"),
    test(
        "advanced-1",
        ADVANCED,
        "10 % lost, two random partitions, the leader crashes",
    ),
    test("advanced-2", ADVANCED, "15 % lost, two leaders crash"),
    test("advanced-3", ADVANCED, "30 % lost, the leader crashes"),
    test(
        "advanced-4",
        ADVANCED,
        "10 % lost, three random partitions, the leader crashes",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::config::Config;
    use std::path::Path;
    use std::time::Duration;

    /// The contract's table: name, requests, mix, drops, end_wait, events, and the thresholds of
    /// total_msgs, failures, duplicates and median_latency.
    const TABLE: &str = "\
simple-1 500 0.8 0 2 - 1200/3000/5000 0/1/2 0/2/5 .0004/.002/.05
simple-2 500 0.2 0 2 - 2200/4000/5000 0/1/2 0/2/5 .001/.005/.05
unreliable-1 500 0.2 .05 2 - 2200/4500/5500 0/1/2 0/2/5 .001/.005/.05
unreliable-2 500 0.2 .10 2 - 2300/4500/6000 0/1/2 0/2/5 .001/.005/.05
unreliable-3 500 0.2 .15 2 - 2300/4500/6000 0/1/5 0/3/6 .001/.005/.05
crash-1 500 0.2 0 2 kill_non_leader@15 2500/4000/5000 0/1/5 0/2/5 .001/.005/.05
crash-2 500 0.2 0 2 kill_non_leader@10,kill_non_leader@20 2500/4000/5000 0/1/5 0/2/5 .001/.005/.05
crash-3 400 0.2 0 2 kill_leader@10 2000/4000/5000 0/2/5 0/2/10 .0002/.005/.05
crash-4 300 0.2 0 2 kill_leader@8,kill_leader@16 1800/4000/5000 1/4/10 0/2/10 .00015/.005/.05
partition-1 400 0.2 0 2 part_easy@5,part_end@10 2200/4000/5000 0/1/5 0/2/5 .0002/.005/.05
partition-2 300 0.2 0 2 part_easy@5,part_end@10,part_easy@18,part_end@23 1800/4000/5000 0/1/5 0/2/5 .0002/.005/.05
partition-3 400 0.2 0 2 part_hard@5,part_end@10 2200/4000/5000 0/10/30 0/2/5 .00025/.005/.05
partition-4 300 0.2 0 2 part_hard@5,part_end@10,part_hard@18,part_end@23 1800/4000/5000 0/20/60 0/2/5 .00025/.005/.05
advanced-1 250 0.2 .10 2 part_hard@5,part_end@8,part_hard@12,part_end@15,kill_leader@20 1000/3000/4000 1/10/100 0/3/6 .00015/.005/.05
advanced-2 300 0.2 .15 5 kill_leader@8,kill_leader@16 1000/3000/4000 1/10/100 0/5/10 .00015/.005/.05
advanced-3 200 0.2 .30 10 kill_leader@5 1000/3000/4000 1/10/100 0/6/20 .0002/.005/.1
advanced-4 300 0.2 .10 5 part_hard@5,part_end@8,part_hard@12,part_end@15,part_hard@19,part_end@21,kill_leader@25 1000/4000/5000 1/10/100 0/6/10 .0002/.005/.1";

    #[test]
    fn the_config_files_are_the_contracts_table() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
        let mut names = Vec::new();
        for row in TABLE.lines() {
            let columns: Vec<&str> = row.split_whitespace().collect();
            let [
                name,
                requests,
                mix,
                drops,
                end_wait,
                events,
                thresholds @ ..,
            ] = &columns[..]
            else {
                panic!("{row}")
            };
            names.push(*name);
            let config = Config::load(&directory.join(format!("{name}.json"))).unwrap();
            let number = |text: &str| text.parse::<f64>().unwrap();
            assert_eq!(config.name, *name);
            assert_eq!(config.replicas, 5, "{name}");
            assert_eq!(config.lifetime, Duration::from_secs(30), "{name}");
            assert_eq!(config.start_wait, Duration::from_secs(5), "{name}");
            assert_eq!(f64::from(config.requests), number(requests), "{name}");
            assert_eq!(config.mix, number(mix), "{name}");
            assert_eq!(config.drops, number(drops), "{name}");
            assert_eq!(config.end_wait.as_secs_f64(), number(end_wait), "{name}");
            assert_eq!(config.max_packets, 20_000, "{name}");
            assert_eq!(config.seed, None, "{name}");
            let written: Vec<String> = config
                .events
                .iter()
                .map(|event| format!("{}@{}", event.kind.name(), event.time.as_secs_f64()))
                .collect();
            assert_eq!(written.join(","), events.trim_matches('-'), "{name}");
            for (metric, text) in config.benchmarks.iter().zip(thresholds) {
                let expected: Vec<f64> = text.split('/').map(number).collect();
                assert_eq!(metric[..], expected[..], "{name}");
            }
            assert_eq!(thresholds.len(), 4);
        }
        assert_eq!(names, TESTS.map(|test| test.name), "in the table's order");
    }

    #[test]
    fn the_groups_stand_in_the_courses_order() {
        let mut groups: Vec<&str> = TESTS.iter().map(|test| test.group).collect();
        groups.dedup();
        let order = [
            "Basic",
            "Unreliable network",
            "Crash failure",
            "Partition",
            "Advanced",
        ];
        assert_eq!(groups, order);
    }
}
