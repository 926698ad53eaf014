//! Many partners: in little memory, and with something to look at.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::process::Command;

use crate::harness::{Answers, Heard, L};
use tenantgate::source::Import;

const PARTNERS: u32 = 100_000;
/// A fraction of what the file and its tree take when they are held whole.
const MEMORY_KIB: u64 = 96 * 1024;

/// One long page of partners as sparse as most are, and some that are not.
fn many(answers: &Answers, partners: u32) {
    let mut file = BufWriter::new(File::create(answers.path("partners.json")).unwrap());
    let all = r#"{"usersAndGroups":{"accessType":"allowed","targets":[{"target":"AllUsers","targetType":"user"}]},"applications":{"accessType":"allowed","targets":[{"target":"Office365","targetType":"application"}]}}"#;
    write!(file, "{{\"value\":[").unwrap();
    for number in 0..partners {
        let comma = if number == 0 { "" } else { "," };
        let inbound = if number % 3 == 0 { all } else { "null" };
        write!(
            file,
            "{comma}{{\"tenantId\":\"{number:08x}-0000-4000-8000-000000000000\",\"isServiceProvider\":null,\
             \"isInMultiTenantOrganization\":false,\"inboundTrust\":null,\"b2bCollaborationInbound\":{inbound},\
             \"b2bCollaborationOutbound\":null,\"b2bDirectConnectOutbound\":null,\"b2bDirectConnectInbound\":{all},\
             \"tenantRestrictions\":null}}"
        )
        .unwrap();
    }
    write!(file, "]}}").unwrap();
    file.into_inner().unwrap().sync_all().unwrap();
}

#[test]
fn a_long_page_is_never_held_whole() {
    let answers = Answers::smallest();
    many(&answers, PARTNERS);
    // The peak of a child that has ended is what the operating system tells of it.
    let script = "import resource, subprocess, sys\n\
                  code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode\n\
                  print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
    let measured = Command::new("python3")
        .args(["-c", script, env!("CARGO_BIN_EXE_tenantgate"), "import", "--tenant", L, "--from"])
        .args([answers.directory().as_os_str(), "-o".as_ref(), answers.bundle().as_os_str()])
        .output()
        .unwrap();
    let told = String::from_utf8(measured.stdout).unwrap();
    let (code, peak) = told.trim().split_once(' ').unwrap();
    assert_eq!(code, "0", "{}", String::from_utf8_lossy(&measured.stderr));
    let peak: u64 = peak.parse().unwrap();
    assert!(peak < MEMORY_KIB, "{peak} KiB for {PARTNERS} partners");
    assert!(
        fs::metadata(answers.bundle()).unwrap().len() > MEMORY_KIB * 1024 / 2,
        "a bundle that is worth it"
    );
}

#[test]
fn progress_is_told_to_the_end() {
    let answers = Answers::smallest();
    many(&answers, 2500);
    let mut heard = Heard::default();
    let (from, to) = (answers.directory(), answers.bundle());
    let import = Import { from: &from, tenant: Some(L.parse().unwrap()), to: &to, replace: false };
    assert_eq!(import.run(&mut heard).unwrap().partners, 2500);
    assert_eq!(heard.partners, 2500);
    assert_eq!(heard.total, fs::metadata(answers.path("partners.json")).unwrap().len());
    assert_eq!(heard.read, heard.total);
}

#[test]
fn a_bar_is_for_terminals_alone() {
    let answers = Answers::smallest();
    many(&answers, 20_000);
    let run = |terminal: bool, colour: Option<&str>| {
        fs::remove_file(answers.bundle()).ok();
        let (from, to) = (answers.directory(), answers.bundle());
        let binary = env!("CARGO_BIN_EXE_tenantgate");
        let script = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)";
        let mut command = Command::new(if terminal { "python3" } else { binary });
        if terminal {
            command.args(["-c", script, binary]);
        }
        command.args(["import", "--tenant", L, "--from"]).arg(from).arg("-o").arg(to);
        let command = command.env("TERM", "xterm-256color").env_remove("NO_COLOR");
        let output =
            colour.iter().fold(command, |command, value| command.env("NO_COLOR", value)).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (shown, _) = run(true, None);
    assert!(shown.contains("000 partners") && shown.contains("\u{1b}[36m"), "{shown:?}");
    let (plain, _) = run(true, Some("1"));
    assert!(plain.contains("000 partners") && !plain.contains("\u{1b}[36m"), "{plain:?}");
    let (stdout, stderr) = run(false, None);
    assert!(!stdout.contains('\r') && !stderr.contains(['\r', '\u{1b}']), "{stderr:?}");
}
