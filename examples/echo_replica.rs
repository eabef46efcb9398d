//! The smallest replica: it answers every client at once from a map of its own and replicates
//! nothing.
//!
//! It must FAIL: its gets miss what other replicas stored, and it sends none of the messages that
//! replication takes. What it is good for is measuring the simulator: it is the shortest round trip
//! that there can be.

use std::collections::HashMap;
use std::net::UdpSocket;

use serde_json::{Value, json};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(port), Some(own)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: echo_replica <UDP port> <own ID> <peer ID> ...");
        std::process::exit(2);
    };
    let port: u16 = port.parse().expect("the port is a number");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.connect(("127.0.0.1", port)).expect("a simulator");
    let send = |message: Value| {
        // Lost, as with any network.
        let _ = socket.send(message.to_string().as_bytes());
    };
    send(json!({"src": own, "dst": "FFFF", "leader": "FFFF", "type": "hello"}));
    println!("an echo says hello");

    let mut map: HashMap<String, Value> = HashMap::new();
    let mut buffer = vec![0; 65_536];
    // The simulator's socket is gone when the run is over.
    while let Ok(length) = socket.recv(&mut buffer) {
        let Ok(request) = serde_json::from_slice::<Value>(&buffer[..length]) else {
            continue;
        };
        let key = request["key"].as_str().unwrap_or_default().to_owned();
        let mut answer = json!({
            "src": own, "dst": request["src"], "leader": own, "type": "ok", "MID": request["MID"],
        });
        match request["type"].as_str() {
            Some("put") => drop(map.insert(key, request["value"].clone())),
            Some("get") => answer["value"] = map.get(&key).cloned().unwrap_or_else(|| json!("")),
            _ => continue,
        }
        send(answer);
    }
}
