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
