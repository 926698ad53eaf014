//! `tenantgate serve` as a process, with nothing configured.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tenantgate::port::Address;

use crate::harness::{Asked, Client};

/// Ended when dropped.
struct Serving {
    process: Child,
    said: String,
}

impl Serving {
    fn start(state: &Path) -> Self {
        let mut process = tenantgate(state)
            .arg("serve")
            .env("TENANTGATE_LISTEN__CHECK", "127.0.0.1:0")
            .env("TENANTGATE_LISTEN__ADMIN", "127.0.0.1:0")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(process.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("deploy/demo/run") {
            assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "it ended:\n{said}");
        }
        Self { process, said }
    }

    /// What follows `words`, up to a blank.
    fn after(&self, words: &str) -> &str {
        let (_, rest) =
            self.said.split_once(words).unwrap_or_else(|| panic!("no `{words}` in {}", self.said));
        rest.split_whitespace().next().unwrap()
    }

    /// The command that is printed, as somebody would paste it.
    fn pasted(&self, command: &str, state: &Path) -> String {
        let line = self.said.lines().find(|line| line.trim().starts_with(command)).unwrap();
        let binary = Path::new(env!("CARGO_BIN_EXE_tenantgate")).parent().unwrap();
        let output = Command::new("/bin/sh")
            .env_clear()
            .args(["-c", line])
            .env("PATH", binary)
            .env("XDG_STATE_HOME", state)
            .output()
            .unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.process.kill().and_then(|()| self.process.wait()));
    }
}

fn tenantgate(state: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenantgate"));
    command.env_clear().env("XDG_STATE_HOME", state);
    command
}

#[tokio::test]
async fn without_a_configuration_it_serves_an_example_and_says_how_to_try_it() {
    let state = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(state.path());
    let check: Address = serving.after("Envoy's checks: ").parse().unwrap();
    let admin = serving.after("admin: ").to_owned();
    while reqwest::get(format!("{admin}/readyz")).await.unwrap().status() != 200
        || !state.path().join("tenantgate/dev/key.pem").exists()
    {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert!(serving.pasted("tenantgate check", state.path()).starts_with("allow  permitted"));
    let token = Asked::with_token(serving.pasted("tenantgate token mint", state.path()).trim());
    let mut client = Client::connect(&check);
    // The key was made while the service was there already: keys are compared every two seconds.
    while client.decide(&token).await["reason"] == "token_key_unknown" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(client.decide(&token).await["relation"], "b2b_collaboration");

    let pid = serving.process.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let ended = loop {
        if let Some(ended) = serving.process.try_wait().unwrap() {
            break ended;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    };
    assert!(ended.success(), "{ended}");
}

#[test]
fn a_port_that_is_taken_is_an_error_that_names_it() {
    let state = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output =
        tenantgate(state.path()).arg("serve").env("TENANTGATE_LISTEN__CHECK", &address).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&address));
}

#[test]
fn its_long_help_says_what_it_has_to_do_with_whoever_starts_and_stops_it() {
    let help = Command::new(env!("CARGO_BIN_EXE_tenantgate")).args(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for word in ["LISTEN_FDS", "NOTIFY_SOCKET", "SIGTERM", "RLIMIT_NOFILE"] {
        assert!(help.contains(word), "{help}");
    }
}
