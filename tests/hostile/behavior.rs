//! Servers that send what no server should.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// Text that clears the screen, sets the title, turns the direction of writing, and is no UTF-8.
const EVIL: &[u8] = b"\x1b[2J\x1b]0;owned\x07 \xe2\x80\xae\xc2\x9b31m \x9b1m\xff\r";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behavior {
    /// Takes connections and says nothing.
    Silent,
    /// A text of a gigabyte.
    Huge,
    /// A text just below the bound.
    Big,
    /// A list of a billion nils.
    Nils,
    /// A list of a billion empty lists.
    Lists,
    /// Lists in lists.
    Nested,
    /// A line without end.
    Line,
    /// A byte now and then.
    Trickle,
    /// Half a reply, then the end.
    Half,
    /// Numbers, maps, booleans, nils in turn.
    Wrong,
    /// What nobody asked for, without end.
    Pushes,
    /// Remarks about a value that never comes.
    Attributes,
    /// Refuses everything in words that a terminal obeys.
    Refuses,
    /// Another protocol, and words that a terminal obeys.
    Stranger,
    /// A cluster whose every name is evil, and which refuses all changes.
    Charming,
    /// The same, which sends lists of nils without end to every change.
    CharmingNils,
    /// The same, which sends a big text to every change.
    CharmingBig,
    /// The same, which says OK to everything, and does nothing.
    CharmingOk,
    /// A node that says it knows a thousand, all of them where it is.
    Crowd,
}

use Behavior::*;

impl Behavior {
    pub const ALL: [Behavior; 19] = [
        Silent,
        Huge,
        Big,
        Nils,
        Lists,
        Nested,
        Line,
        Trickle,
        Half,
        Wrong,
        Pushes,
        Attributes,
        Refuses,
        Stranger,
        Charming,
        CharmingNils,
        CharmingBig,
        CharmingOk,
        Crowd,
    ];

    /// Whether it passes for a cluster.
    pub fn charms(self) -> bool {
        [Charming, CharmingNils, CharmingBig, CharmingOk, Crowd].contains(&self)
    }
}

/// Three servers that behave in one way.
pub struct Site {
    pub behavior: Behavior,
    ports: [u16; 3],
}

impl Site {
    pub fn open(behavior: Behavior) -> Site {
        let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = listeners.each_ref().map(|listener| listener.local_addr().unwrap().port());
        for (index, listener) in listeners.into_iter().enumerate() {
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let node = Node { behavior, ports, index };
                    // Whoever has gone away is not written to any more.
                    thread::spawn(move || drop(node.serve(stream)));
                }
            });
        }
        Site { behavior, ports }
    }

    pub fn addr(&self, index: usize) -> String {
        format!("127.0.0.1:{}", self.ports[index])
    }
}

struct Node {
    behavior: Behavior,
    ports: [u16; 3],
    index: usize,
}

impl Node {
    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_write_timeout(Some(Duration::from_secs(30)))?;
        let mut input = BufReader::new(stream.try_clone()?);
        let mut turn = 0;
        loop {
            let words = command(&mut input)?;
            let words: Vec<String> = words.iter().map(|word| word.to_uppercase()).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            if self.behavior.charms()
                && let Some(reply) = self.facts(&words)
            {
                stream.write_all(&reply)?;
                continue;
            }
            turn += 1;
            self.misbehave(&mut stream, turn)?;
        }
    }

    fn misbehave(&self, out: &mut TcpStream, turn: usize) -> std::io::Result<()> {
        let endless = |out: &mut TcpStream, head: &[u8], rest: &[u8]| {
            out.write_all(head)?;
            let many = rest.repeat(65_536 / rest.len());
            loop {
                out.write_all(&many)?;
            }
        };
        let big = |out: &mut TcpStream| {
            let size = 60_000_000;
            out.write_all(format!("${size}\r\n").as_bytes())?;
            std::io::copy(&mut EVIL_STREAM.take(size), out)?;
            out.write_all(b"\r\n")
        };
        match self.behavior {
            Silent => Ok(()),
            Huge => endless(out, b"$1073741824\r\n", EVIL),
            Big | CharmingBig => big(out),
            Nils | CharmingNils => endless(out, b"*1000000000\r\n", b"_\r\n"),
            Lists => endless(out, b"*1000000000\r\n", b"*0\r\n"),
            Nested => endless(out, b"", b"*1\r\n"),
            Line => endless(out, b"-", b"x"),
            Trickle => {
                out.write_all(b"$100000\r\n")?;
                loop {
                    out.write_all(b"x")?;
                    thread::sleep(Duration::from_millis(50));
                }
            }
            Half => {
                out.write_all(
                    b"$1000\r\n07c37dfeb235213a872192d90877d0cd55635b91 127.0.0.1:30004",
                )?;
                out.shutdown(std::net::Shutdown::Both)
            }
            Wrong => {
                const REPLIES: [&[u8]; 8] = [
                    b":-1\r\n",
                    b"%1\r\n+a\r\n_\r\n",
                    b"#t\r\n",
                    b"_\r\n",
                    b"~1\r\n*-1\r\n",
                    b",nan\r\n",
                    b"(12345678901234567890\r\n",
                    b"=6\r\ntxt:\x1b\xff\r\n",
                ];
                out.write_all(REPLIES[(turn + self.index) % REPLIES.len()])
            }
            Pushes => endless(out, b"", b">2\r\n+message\r\n$1\r\n\x1b\r\n"),
            Attributes => endless(out, b"", b"|1\r\n+ttl\r\n:1\r\n"),
            Refuses | Charming | Crowd => {
                // A line has no CR of its own.
                let evil = &EVIL[..EVIL.len() - 1];
                out.write_all(&[b"-ERR ", evil, b"\r\n"].concat())
            }
            Stranger => {
                out.write_all(&[b"HTTP/1.1 400 ", EVIL].concat())?;
                out.shutdown(std::net::Shutdown::Both)
            }
            CharmingOk => out.write_all(b"+OK\r\n"),
        }
    }

    /// What a cluster would say of itself, but for its names.
    fn facts(&self, words: &[&str]) -> Option<Vec<u8>> {
        let bulk =
            |text: &[u8]| [format!("${}\r\n", text.len()).as_bytes(), text, b"\r\n"].concat();
        Some(match words {
            ["CLUSTER", "NODES"] => bulk(&self.view()),
            ["CLUSTER", "INFO"] => bulk(
                b"cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_known_nodes:3\r\n\
                  cluster_size:3\r\ncluster_current_epoch:3\r\ncluster_my_epoch:1\r\n",
            ),
            ["INFO", ..] => {
                let names = [&b"redis_version:7.0.15"[..], EVIL, b"\r\nrun_id:", EVIL];
                let more = [&b"\r\nrole:master\r\navailability_zone:"[..], EVIL];
                let last = [&b"\r\nconnected_slaves:0\r\ncluster_enabled:1\r\n"[..]];
                let keys: &[u8] = b"used_memory:1000000\r\ndb0:keys=5,expires=0\r\n";
                bulk(&[&names[..], &more, &last, &[keys]].concat().concat())
            }
            ["CONFIG", "GET", name] => {
                let name = name.to_lowercase();
                let value = if name.ends_with("timeout") { b"15000" } else { EVIL };
                [&b"*2\r\n"[..], &bulk(name.as_bytes()), &bulk(value)].concat()
            }
            ["FUNCTION", "STATS"] => b"*2\r\n$15\r\nlibraries_count\r\n:1\r\n".to_vec(),
            ["FUNCTION", "LIST", ..] => {
                let name = [EVIL, &[b'a' + self.index as u8]].concat();
                let fields = [&b"library_name"[..], &name, b"library_code", EVIL].map(bulk);
                [&b"*1\r\n*4\r\n"[..], &fields.concat()].concat()
            }
            _ => return None,
        })
    }

    fn view(&self) -> Vec<u8> {
        let id = |index: usize| ["a", "b", "c"][index].repeat(40);
        let slots = ["0-5460", "5461-10922", "10923-16383"];
        let mut view = Vec::new();
        for (index, port) in self.ports.iter().enumerate() {
            let flags = if index == self.index { "myself,master" } else { "master" };
            let (id, slots, bus) = (id(index), slots[index], port - 1);
            view.extend(format!("{id} 127.0.0.1:{port}@{bus},").bytes());
            // A name ends where the line does.
            view.extend(EVIL.iter().filter(|byte| !b" \r".contains(byte)));
            view.extend(format!(" {flags} - 0 0 {} connected {slots}\n", index + 1).bytes());
        }
        if self.behavior == Crowd {
            let port = self.ports[self.index];
            for number in 0..1000 {
                let line =
                    format!("{number:040x} 127.0.0.1:{port}@1 slave {} 0 0 1 connected\n", id(0));
                view.extend(line.bytes());
            }
        }
        view
    }
}

/// A command as clients send it, or a line.
fn command(input: &mut BufReader<TcpStream>) -> std::io::Result<Vec<String>> {
    let line = |input: &mut BufReader<TcpStream>| {
        let mut line = String::new();
        match input.read_line(&mut line)? {
            0 => Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)),
            _ => Ok(line.trim_end().to_owned()),
        }
    };
    let first = line(input)?;
    let Some(count) = first.strip_prefix('*').and_then(|count| count.parse().ok()) else {
        return Ok(first.split(' ').map(str::to_owned).collect());
    };
    let mut words = Vec::new();
    for _ in 0..count {
        let size = line(input)?.trim_start_matches('$').parse().unwrap_or(0);
        let mut word = vec![0; size];
        input.read_exact(&mut word)?;
        input.read_exact(&mut [0; 2])?;
        words.push(String::from_utf8_lossy(&word).into_owned());
    }
    Ok(words)
}

/// Evil text without end.
#[derive(Clone, Copy)]
struct EvilStream;

const EVIL_STREAM: EvilStream = EvilStream;

impl Read for EvilStream {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        buffer.iter_mut().zip(EVIL.iter().cycle()).for_each(|(to, from)| *to = *from);
        Ok(buffer.len())
    }
}
