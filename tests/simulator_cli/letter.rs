//! The course's rules to the letter, on sockets: the test itself plays the replicas.

use std::fs;
use std::net::UdpSocket;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bench::{Bench, stdout, wait_until};

/// A run whose replicas' processes only sleep.
struct Puppets {
    bench: Bench,
    simulator: Child,
    sockets: Vec<UdpSocket>,
}

impl Puppets {
    fn start(changes: Value) -> Puppets {
        let bench = Bench::new(changes);
        // It must not be told before the number is there as a whole.
        let sleeper = r#"echo "$1" > "$0.$2.new"; mv "$0.$2.new" "$0.$2"; exec sleep 100"#;
        let sleeper = bench.script("sleeper", sleeper);
        let simulator = bench
            .command(&sleeper)
            .args(["--seed", "1", "--json", "out.jsonl"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let port = |replica: usize| {
            let file = bench.path(&format!("sleeper.{replica:04X}"));
            wait_until("a replica's process", || file.is_file());
            fs::read_to_string(file).unwrap().trim().parse().unwrap()
        };
        let connect = |port: u16| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.connect(("127.0.0.1", port)).unwrap();
            socket.set_nonblocking(true).unwrap();
            socket
        };
        let sockets = (0..5).map(|replica| connect(port(replica))).collect();
        Puppets {
            bench,
            simulator,
            sockets,
        }
    }

    fn say(&self, replica: usize, dst: &str, kind: &str) {
        let message = json!({
            "src": format!("{replica:04X}"), "dst": dst, "leader": "FFFF", "type": kind
        });
        self.sockets[replica]
            .send(message.to_string().as_bytes())
            .unwrap();
    }

    fn hello(&self, replica: usize) {
        self.say(replica, "FFFF", "hello");
    }

    /// Whatever is said to a replica, in whole.
    fn hear(&self, replica: usize) -> Option<Value> {
        let mut buffer = [0; 2000];
        let length = self.sockets[replica].recv(&mut buffer).ok()?;
        Some(serde_json::from_slice(&buffer[..length]).unwrap())
    }

    /// Lets all but the silent answer that 0000 leads, until the run is over. Returns when each request
    /// came.
    fn play(&mut self, silent: &[usize]) -> Vec<Instant> {
        let mut came = Vec::new();
        while self.simulator.try_wait().unwrap().is_none() {
            for replica in 0..5 {
                while let Some(request) = self.hear(replica) {
                    if request["MID"].is_null() {
                        continue;
                    }
                    came.push(Instant::now());
                    let answer = json!({
                        "src": format!("{replica:04X}"), "dst": request["src"], "leader": "0000",
                        "type": "ok", "MID": request["MID"], "value": ""
                    });
                    if !silent.contains(&replica) {
                        // The simulator may have closed its socket.
                        let _ = self.sockets[replica].send(answer.to_string().as_bytes());
                    }
                }
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        came
    }

    fn end(self) -> (String, Value) {
        let output: Output = self.simulator.wait_with_output().unwrap();
        let json = fs::read_to_string(self.bench.path("out.jsonl")).unwrap();
        (stdout(&output), serde_json::from_str(&json).unwrap())
    }
}

#[test]
fn requests_come_in_bursts_a_tenth_of_a_second_apart_and_the_turn_of_a_kill_dooms_them() {
    // At 2 s a request coincides with the kill.
    let kill = json!([{"type": "kill_leader", "time": 2}]);
    let mut puppets = Puppets::start(json!({"requests": 250, "mix": 0, "events": kill}));
    (0..5).for_each(|replica| puppets.hello(replica));
    // Nobody answers: nothing but the time wakes the simulator. Its leader is known all the same.
    puppets.sockets[1]
        .send(br#"{"src":"0001","dst":"0002","leader":"0000","type":"x"}"#)
        .unwrap();
    let came = puppets.play(&[0, 1, 2, 3, 4]);
    let (text, result) = puppets.end();
    assert_eq!(came.len(), 250, "{text}");
    let gaps = came.windows(2).map(|pair| pair[1] - pair[0]);
    let long = gaps.filter(|gap| *gap > Duration::from_millis(60)).count();
    // Some 50 bursts of five each; on a machine that is busy fewer.
    assert!((30..=52).contains(&long), "{long}");
    let bursts = result["bursts"].as_object().unwrap();
    let turns: u64 = bursts.values().map(|turns| turns.as_u64().unwrap()).sum();
    assert!((31..=53).contains(&turns), "{result}");
    // Of the five or so before the kill some went to the leader: nobody knew one, but chance is fair.
    assert_eq!(result["unanswered"], 250);
    assert!(result["doomed"].as_u64().unwrap() <= 10, "{result}");
}

#[test]
fn what_was_sent_to_the_leader_at_the_moment_of_its_kill_is_doomed() {
    let kill = json!([{"type": "kill_leader", "time": 4}]);
    let mut puppets = Puppets::start(json!({"requests": 50, "mix": 0, "events": kill}));
    (0..5).for_each(|replica| puppets.hello(replica));
    puppets.play(&[]);
    let (text, result) = puppets.end();
    assert!(text.contains("kills the leader, replica 0000"), "{text}");
    // One; or two, if the simulator was late just then.
    let doomed = result["doomed"].as_u64().unwrap();
    assert!((1..=2).contains(&doomed), "{result}");
    assert_eq!(result["unanswered"], doomed, "{result}");
    let said = format!("Unanswered because doomed:               {doomed}\n");
    assert!(text.contains(&said), "{text}");
}

#[test]
fn who_sends_no_text_is_closed_and_who_is_spoken_to_too_soon_counts_as_died() {
    let mut puppets = Puppets::start(json!({"requests": 20, "mix": 0}));
    for replica in [0, 1, 2, 3] {
        puppets.hello(replica);
    }
    puppets.say(0, "0004", "too-soon");
    std::thread::sleep(Duration::from_millis(200));
    puppets.hello(4);
    puppets.sockets[3].send(&[]).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    puppets.say(0, "0004", "again");
    puppets.say(0, "0003", "to a closed one");
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(puppets.hear(4).unwrap()["type"], "again", "it is reached");
    assert!(puppets.hear(3).is_none());
    puppets.play(&[]);
    let (text, result) = puppets.end();
    assert_eq!(result["passed"], false);
    let closed = "replica 0003 is closed and counts as died, for its datagram is empty";
    let taken = "replica 0004 counts as died: it was sent something before its hello";
    for error in [closed, taken] {
        let errors = result["errors"].as_array().unwrap();
        assert!(errors.iter().any(|it| it == error), "{errors:?}");
    }
    for said in [
        closed,
        "replica 0004 said hello too late: 0000 spoke to 0004 at",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert_eq!(result["metrics"]["total_msgs"], 3);
    assert_eq!(result["unanswered"], 0, "clients choose neither: {result}");
}
