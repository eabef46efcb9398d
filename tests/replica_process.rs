//! The replica as a process: its command line, what it does with anything that may come in, and how
//! it ends. A few lines of routing stand in for the simulator.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const REPLICA: &str = env!("CARGO_BIN_EXE_leasekv");
const CLIENT: &str = "0020";

/// Long enough for any machine; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Replicas, each behind a socket of its own as under the course's simulator.
struct Net {
    replicas: Vec<Child>,
    sockets: Vec<UdpSocket>,
    addresses: HashMap<String, (usize, SocketAddr)>,
    asked: usize,
}

impl Net {
    fn start(size: usize) -> Net {
        let ids: Vec<String> = (0..size).map(|id| format!("{id:04X}")).collect();
        let mut net = Net {
            replicas: Vec::new(),
            sockets: Vec::new(),
            addresses: HashMap::new(),
            asked: 0,
        };
        for id in &ids {
            let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
            let port = socket.local_addr().expect("bound").port();
            let replica = Command::new(REPLICA)
                .arg(port.to_string())
                .arg(id)
                .args(ids.iter().filter(|peer| *peer != id))
                .stderr(Stdio::inherit())
                .spawn()
                .expect("the replica is built");
            net.replicas.push(replica);
            socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
            let mut bytes = [0; 65_536];
            let (length, from) = socket.recv_from(&mut bytes).expect("a hello");
            let hello: Value = serde_json::from_slice(&bytes[..length]).expect("JSON");
            assert_eq!(
                hello,
                json!({"src": id, "dst": "FFFF", "leader": "FFFF", "type": "hello"})
            );
            socket.set_nonblocking(true).expect("a mode");
            net.addresses.insert(id.clone(), (net.sockets.len(), from));
            net.sockets.push(socket);
        }
        net
    }

    /// Sends bytes to a replica as the simulator would.
    fn send(&self, to: &str, bytes: &[u8]) {
        let (place, address) = self.addresses[to];
        match self.sockets[place].send_to(bytes, address) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => panic!("sending {} bytes to {to}: {error}", bytes.len()),
        }
    }

    /// Routes whatever has come in; returns what was for clients.
    fn route(&self) -> Vec<Value> {
        let mut for_clients = Vec::new();
        let mut bytes = [0; 65_536];
        for socket in &self.sockets {
            while let Ok((length, _)) = socket.recv_from(&mut bytes) {
                let message: Value = serde_json::from_slice(&bytes[..length]).expect("JSON");
                let to = message["dst"].as_str().expect("a destination");
                if self.addresses.contains_key(to) {
                    self.send(to, &bytes[..length]);
                } else {
                    for_clients.push(message);
                }
            }
        }
        for_clients
    }

    /// Asks until somebody says `ok`, following redirects as the course's clients do, and asking
    /// again if nothing is said: a flood of datagrams may have pushed the request out of a buffer.
    fn ask(&mut self, mut request: Value) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let mut to = "0000".to_owned();
        'attempt: while Instant::now() < deadline {
            self.asked += 1;
            let mid = format!("MID{:013}", self.asked);
            request["src"] = json!(CLIENT);
            request["dst"] = json!(to);
            request["leader"] = json!("FFFF");
            request["MID"] = json!(mid);
            self.send(&to, request.to_string().as_bytes());
            let patience = deadline.min(Instant::now() + Duration::from_secs(3));
            while Instant::now() < patience {
                let answers = self.route().into_iter();
                if let Some(answer) = answers.rev().find(|answer| answer["MID"] == json!(mid)) {
                    if answer["type"] == "ok" {
                        return answer;
                    }
                    let leader = answer["leader"].as_str().expect("an ID");
                    if self.addresses.contains_key(leader) {
                        to = leader.to_owned();
                    }
                    continue 'attempt;
                }
                std::thread::sleep(Duration::from_micros(200));
            }
        }
        panic!("no ok within {PATIENCE:?} for {}", request["type"]);
    }

    fn put(&mut self, key: &str, value: &str) {
        self.ask(json!({"type": "put", "key": key, "value": value}));
    }

    fn get(&mut self, key: &str) -> String {
        let answer = self.ask(json!({"type": "get", "key": key}));
        answer["value"].as_str().expect("a value").to_owned()
    }

    fn assert_all_live(&mut self) {
        for (place, replica) in self.replicas.iter_mut().enumerate() {
            let status = replica.try_wait().expect("a child");
            assert!(status.is_none(), "replica {place} has ended: {status:?}");
        }
    }

    /// Closes every port and waits until every replica has ended.
    fn assert_ends_alone(mut self) {
        self.sockets.clear();
        let deadline = Instant::now() + PATIENCE;
        for replica in &mut self.replicas {
            loop {
                if let Some(status) = replica.try_wait().expect("a child") {
                    assert!(status.success(), "{status:?}");
                    break;
                }
                assert!(
                    Instant::now() < deadline,
                    "a replica outlives its simulator"
                );
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        self.replicas.clear();
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for replica in &mut self.replicas {
            let _ = replica.kill();
            let _ = replica.wait();
        }
    }
}

fn run(arguments: &[&str]) -> Output {
    Command::new(REPLICA)
        .args(arguments)
        .output()
        .expect("the replica is built")
}

#[test]
fn bad_arguments_are_named_in_one_line_with_status_2() {
    for (arguments, expected) in [
        (&[][..], "found 0 arguments"),
        (&["4711", "0000"], "found 0"),
        (&["70000", "0000", "0001"], "\"70000\""),
        (&["4711", "zero", "0001"], "\"zero\""),
        (&["4711", "0000", "0001", "0001"], "0001"),
        (&["--verbose", "4711", "0000", "0001"], "--verbose"),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty());
        let message = String::from_utf8(output.stderr).expect("text");
        assert_eq!(message.lines().count(), 1, "{message}");
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
}

#[test]
fn a_bad_option_is_named_in_one_line_with_status_2() {
    for (options, expected) in [
        ("leese=1s", "LEASEKV_OPTIONS: no option \"leese\""),
        ("lease=300", "LEASEKV_OPTIONS: lease: \"300\""),
        ("lease=0ms", "LEASEKV_OPTIONS: lease must be above 0"),
    ] {
        let output = Command::new(REPLICA)
            .args(["4711", "0000", "0001"])
            .env("LEASEKV_OPTIONS", options)
            .output()
            .expect("the replica is built");
        assert_eq!(output.status.code(), Some(2), "{options}");
        let message = String::from_utf8(output.stderr).expect("text");
        assert_eq!(message.lines().count(), 1, "{message}");
        assert!(message.contains(expected), "{options}: {message}");
    }
}

#[test]
fn help_and_version_are_printed() {
    for (option, expected) in [
        ("--help", "Usage: leasekv <UDP port> <own ID>"),
        ("--version", concat!("leasekv ", env!("CARGO_PKG_VERSION"))),
    ] {
        let output = run(&[option]);
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn replicas_end_by_themselves_when_the_simulator_is_gone() {
    // Without a leader yet, and with one.
    Net::start(3).assert_ends_alone();
    let mut net = Net::start(3);
    net.put("k", "v");
    net.assert_ends_alone();
}

#[test]
fn nothing_from_outside_stops_a_replica_or_loses_anything() {
    let mut net = Net::start(3);
    net.put("k", "v1");
    assert_eq!(net.get("k"), "v1");
    assert_eq!(net.get("never put"), "");
    for datagram in hostile_datagrams() {
        for to in ["0000", "0001", "0002"] {
            net.send(to, &datagram);
        }
        net.route();
        std::thread::sleep(Duration::from_millis(1));
    }
    net.assert_all_live();
    assert_eq!(net.get("k"), "v1");
    net.put("k", "v2");
    assert_eq!(net.get("k"), "v2");
    net.assert_all_live();
}

/// What no honest simulator sends.
fn hostile_datagrams() -> Vec<Vec<u8>> {
    let absurd: u64 = (1 << 53) - 1;
    let mut datagrams: Vec<Vec<u8>> = vec![
        vec![],
        vec![0],
        vec![0xFF; 1_000],
        vec![b'['; 60_000],
        vec![b'{'; 65_507],
        b"{\"src\":\"0001\",\"dst\":\"0000\",\"type\":\"append\",\"x\":\"\xC3\x28\"}".to_vec(),
        b"null".to_vec(),
        b"{}".to_vec(),
        b"{\"src\":\"0001\"".to_vec(),
    ];
    let texts = [
        json!({"type": "get"}),
        json!({"type": "get", "MID": "m"}),
        json!({"type": "get", "MID": 5, "key": "k"}),
        json!({"type": "put", "MID": "m", "key": "k"}),
        json!({"type": "put", "MID": "m", "key": "k", "value": ["v"]}),
        json!({"type": "dance"}),
        json!({"type": 7}),
        json!({"type": "hello"}),
        json!({"type": "ok", "MID": "m"}),
        json!({"type": "append", "term": absurd, "previous": [absurd, absurd], "entries": [], "commit": absurd, "sent_ns": 0}),
        json!({"type": "append", "term": 0, "previous": [0, 0], "entries": [[0, "renew"]], "commit": 1, "sent_ns": 0}),
        json!({"type": "append", "term": 1, "previous": [0, 0], "entries": [[5, "renew"], [2, "renew"]], "commit": 9, "sent_ns": 0}),
        json!({"type": "append", "term": -1, "previous": [0], "entries": {}, "commit": "many"}),
        json!({"type": "append", "term": 1.5, "previous": [0, 0], "entries": [], "commit": 0}),
        json!({"type": "append", "term": u64::MAX, "previous": [0, 0], "entries": [], "commit": 0}),
        json!({"type": "appended", "term": absurd, "matched": absurd, "sent_ns": absurd}),
        json!({"type": "appended", "term": 1, "matched": absurd, "sent_ns": absurd}),
        json!({"type": "appended", "term": 1, "refused": absurd, "hint": [absurd, absurd]}),
        json!({"type": "appended", "term": 1, "refused": 0, "hint": [0, 0]}),
        json!({"type": "prevote", "term": absurd, "last": [absurd, absurd]}),
        json!({"type": "vote", "term": absurd, "last": [absurd, absurd]}),
        json!({"type": "voted", "term": 1, "granted": true, "last": [absurd, 0], "commit": absurd, "sent_ns": 0}),
    ];
    for text in texts {
        for (src, dst) in [
            ("0001", "0000"),
            ("0000", "0001"),
            ("0000", "0000"),
            ("0002", "FFFF"),
            ("0777", "0002"),
            ("FFFF", "0002"),
            (CLIENT, "0777"),
        ] {
            let mut message = text.clone();
            message["src"] = json!(src);
            message["dst"] = json!(dst);
            message["leader"] = json!("FFFF");
            datagrams.push(message.to_string().into_bytes());
        }
    }
    datagrams
}

#[test]
fn large_values_are_stored_and_those_beyond_the_limit_refused() {
    let mut net = Net::start(3);
    // Quotes and line ends take two bytes each in JSON.
    let large = "\"\n".repeat(14_000);
    net.put("large", &large);
    assert_eq!(net.get("large"), large);
    // Several of them do not fit into one datagram together: a follower gets them one by one.
    for place in 0..4 {
        net.put(&format!("large {place}"), &large);
    }
    assert_eq!(net.get("large 3"), large);

    let leader = net.ask(json!({"type": "get", "key": "large"}))["leader"].clone();
    let leader = leader.as_str().expect("an ID").to_owned();
    let too_large = "v".repeat(62_000);
    let request = json!({
        "src": CLIENT, "dst": leader, "leader": leader, "type": "put",
        "MID": "too large", "key": "k", "value": too_large,
    });
    net.send(&leader, request.to_string().as_bytes());
    let deadline = Instant::now() + PATIENCE;
    let answer = loop {
        assert!(Instant::now() < deadline, "no answer");
        if let Some(answer) = net.route().pop() {
            break answer;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    assert_eq!(
        (&answer["type"], &answer["MID"]),
        (&json!("fail"), &json!("too large"))
    );
    assert_eq!(net.get("k"), "");
}
