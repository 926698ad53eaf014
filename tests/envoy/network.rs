//! Hosts with a network of their own, so that a link can be cut: namespaces of the kernel's, which nobody has to be
//! root for and nothing outside sees.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Set where a test already runs inside.
const INSIDE: &str = "TEST_NETWORK";

const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// The bridge that all hosts are at; the test itself is there too.
pub(crate) struct Network {
    hosts: u8,
}

/// One host.
pub(crate) struct Host {
    name: &'static str,
    pub(crate) address: Ipv4Addr,
}

/// Ended when dropped; what it had to say is shown if the test fails.
pub(crate) struct Process {
    process: Child,
    log: PathBuf,
}

impl Network {
    /// The address that hosts find the test at.
    pub(crate) const TEST: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

    /// Runs the test `name` once more, in a network where it may do as it likes; there, gives that network.
    pub(crate) fn enter(name: &str) -> Option<Self> {
        if std::env::var_os(INSIDE).is_none() {
            let test = std::env::current_exe().unwrap();
            let mut inside = Command::new("unshare");
            // In namespaces of users, too, everybody is root.
            let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
            inside.args(if is_root { [].as_slice() } else { &["--user", "--map-root-user"] });
            inside.args(["--net", "--mount", "--kill-child"]).arg(test);
            let outcome = inside.args(["--exact", name]).env(INSIDE, "1").output().unwrap();
            let said = String::from_utf8_lossy(&outcome.stdout);
            assert!(outcome.status.success(), "inside of its network:\n{said}");
            return None;
        }
        run("mount", "-t tmpfs tmpfs /run");
        fs::create_dir("/run/netns").unwrap();
        run("ip", "link set lo up");
        run("ip", "link add bridge type bridge");
        run("ip", &format!("address add {}/24 dev bridge", Self::TEST));
        run("ip", "link set bridge up");
        Some(Self { hosts: 0 })
    }

    /// A host at the bridge, by a name of a few letters.
    pub(crate) fn host(&mut self, name: &'static str) -> Host {
        self.hosts += 1;
        let address = Ipv4Addr::new(10, 77, 0, 10 + self.hosts);
        run("ip", &format!("netns add {name}"));
        run("ip", &format!("link add {name} type veth peer name eth0 netns {name}"));
        run("ip", &format!("link set {name} master bridge up"));
        run("ip", &format!("-n {name} link set lo up"));
        run("ip", &format!("-n {name} address add {address}/24 dev eth0"));
        run("ip", &format!("-n {name} link set eth0 up"));
        Host { name, address }
    }
}

impl Host {
    pub(crate) fn at(&self, port: u16) -> SocketAddr {
        (self.address, port).into()
    }

    /// Starts a program there, which says what it has to say in `log`.
    pub(crate) fn start(&self, program: &Path, arguments: &[&OsStr], log: &Path) -> Process {
        let said = File::create(log).unwrap();
        let mut command = Command::new("ip");
        command.args(["netns", "exec", self.name]).arg(program).args(arguments);
        // What cargo says of the build would be configuration.
        command.env_clear().env("PATH", PATH);
        command.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said);
        Process { process: command.spawn().unwrap(), log: log.to_owned() }
    }

    /// Whatever is sent to or from it is lost, and nobody is told.
    pub(crate) fn cut(&self) {
        run("ip", &format!("link set {} down", self.name));
    }

    pub(crate) fn heal(&self) {
        run("ip", &format!("link set {} up", self.name));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.process.kill().and_then(|()| self.process.wait()).unwrap();
        if std::thread::panicking() {
            let Self { process: _, log } = self;
            let said = fs::read_to_string(&*log).unwrap_or_default();
            #[expect(clippy::print_stderr, reason = "somebody has to find out why")]
            {
                eprintln!("{}:\n{said}", log.display());
            }
        }
    }
}

fn run(program: &str, arguments: &str) {
    let status = Command::new(program).env("PATH", PATH).args(arguments.split(' ')).status().unwrap();
    assert!(status.success(), "`{program} {arguments}` failed");
}
