//! Windows: a task that runs at logon. A task has no variables of its own, so it runs a small script that sets them.

use std::path::{Path, PathBuf};

use base::Env;

use super::error::ServiceError;
use super::program::Program;
use super::spec::{Name, ServiceSpec};
use super::{Manager, State, UnitFile, remove};

/// `schtasks`, and the folder where scripts and task files are kept.
#[derive(Debug)]
pub(super) struct Tasks {
    schtasks: Program,
    folder: PathBuf,
}

impl Tasks {
    /// # Errors
    /// When nobody's home folder is known.
    pub(super) fn new(schtasks: Program, env: &Env) -> Result<Self, ServiceError> {
        let home = env.raw("USERPROFILE").or_else(|| env.raw("HOME"));
        let home = home.ok_or_else(|| ServiceError::ManagerMissing("USERPROFILE is not set".into()))?;
        Ok(Self { schtasks, folder: Path::new(&home).join(".openclaw-services") })
    }

    fn script(&self, name: &Name) -> PathBuf {
        self.folder.join(format!("{}.cmd", name.unit()))
    }

    fn task(&self, name: &Name) -> PathBuf {
        self.folder.join(format!("{}.xml", name.unit()))
    }
}

impl Manager for Tasks {
    fn label(&self) -> &'static str {
        "Scheduled Task"
    }

    fn words(&self) -> (&'static str, &'static str) {
        ("registered", "missing")
    }

    fn definition(&self, spec: &ServiceSpec) -> Vec<UnitFile> {
        let script = self.script(&spec.name);
        let task = utf16(&task(spec, &script.display().to_string()));
        vec![UnitFile { path: self.task(&spec.name), bytes: task }, UnitFile::text(script, command_file(spec))]
    }

    fn adopt(&self, spec: &ServiceSpec, changed: &[UnitFile]) -> Result<(), ServiceError> {
        changed.iter().try_for_each(UnitFile::write)?;
        let file = self.task(&spec.name).display().to_string();
        self.schtasks.must(&["/Create", "/TN", &spec.name.task(), "/XML", &file, "/F"])?;
        self.start(&spec.name)
    }

    fn uninstall(&self, name: &Name) -> Result<(), ServiceError> {
        if self.schtasks.run(&["/Query", "/TN", &name.task()])?.ok {
            self.stop(name, false)?;
            self.schtasks.must(&["/Delete", "/TN", &name.task(), "/F"])?;
        }
        remove(&self.task(name))?;
        remove(&self.script(name))
    }

    fn start(&self, name: &Name) -> Result<(), ServiceError> {
        self.schtasks.must(&["/Run", "/TN", &name.task()]).map(drop)
    }

    fn stop(&self, name: &Name, disable: bool) -> Result<(), ServiceError> {
        // A task that does not run cannot be ended, and need not be.
        let _not_running = self.schtasks.run(&["/End", "/TN", &name.task()])?;
        if disable {
            self.schtasks.must(&["/Change", "/TN", &name.task(), "/DISABLE"])?;
        }
        Ok(())
    }

    fn restart(&self, name: &Name, _now: bool) -> Result<(), ServiceError> {
        self.stop(name, false)?;
        self.start(name)
    }

    fn state(&self, name: &Name) -> Result<State, ServiceError> {
        let asked = self.schtasks.run(&["/Query", "/TN", &name.task(), "/FO", "CSV", "/NH"])?;
        let file = self.script(name);
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let status = asked.stdout.lines().next().and_then(|line| line.rsplit(',').next()).unwrap_or_default();
        let status = status.trim().trim_matches('"').to_owned();
        let set = |line: &str| {
            let (name, value) = line.strip_prefix("set \"")?.strip_suffix('"')?.split_once('=')?;
            Some((name.to_owned(), value.replace("%%", "%")))
        };
        let command = text.lines().rfind(|line| line.starts_with('"')).unwrap_or_default();
        Ok(State {
            installed: asked.ok,
            enabled: asked.ok && status != "Disabled",
            running: asked.ok && status == "Running",
            pid: None,
            detail: if asked.ok { status } else { "missing".into() },
            command: split(command),
            env: text.lines().filter_map(set).collect(),
            issues: if asked.ok && command.is_empty() { vec!["gateway-command-missing"] } else { Vec::new() },
            file,
        })
    }

    fn folder(&self) -> &Path {
        &self.folder
    }
}

/// The script the task runs.
fn command_file(spec: &ServiceSpec) -> String {
    let doubled = |text: &str| text.replace('%', "%%");
    let set: String = spec
        .env
        .iter()
        .map(super::spec::Var::pair)
        .map(|(name, value)| format!("set \"{name}={}\"\r\n", doubled(&value)))
        .collect();
    let command = spec.command().iter().map(|word| format!("\"{}\"", doubled(word))).collect::<Vec<_>>().join(" ");
    format!("@echo off\r\n{set}{command}\r\n")
}

/// The words of a line that [`command_file`] wrote.
fn split(line: &str) -> Vec<String> {
    line.split('"').skip(1).step_by(2).map(|word| word.replace("%%", "%")).collect()
}

/// The task of SVC-1: at logon, again when it fails, and never ended for running long.
fn task(spec: &ServiceSpec, script: &str) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?>\r\n\
         <Task version=\"1.2\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">\r\n\
         \x20 <RegistrationInfo><Description>{}</Description></RegistrationInfo>\r\n\
         \x20 <Triggers><LogonTrigger><Enabled>true</Enabled></LogonTrigger></Triggers>\r\n\
         \x20 <Settings>\r\n\
         \x20   <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>\r\n\
         \x20   <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>\r\n\
         \x20   <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>\r\n\
         \x20   <RestartOnFailure><Interval>PT1M</Interval><Count>999</Count></RestartOnFailure>\r\n\
         \x20   <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>\r\n\
         \x20   <Hidden>true</Hidden>\r\n\
         \x20 </Settings>\r\n\
         \x20 <Actions><Exec><Command>{}</Command></Exec></Actions>\r\n\
         </Task>\r\n",
        escaped(&spec.name.description()),
        escaped(script),
    )
}

/// What `schtasks` reads: UTF-16 with a byte order mark.
fn utf16(text: &str) -> Vec<u8> {
    std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::super::spec::tests::{example, tunnel};
    use super::*;

    /// PROF-4, SVC-1
    #[test]
    fn the_task_runs_a_script_that_sets_the_variables() {
        let spec = ServiceSpec { program: r"C:\100% ours\openclaw.exe".into(), ..example(Some("work")) };
        let text = command_file(&spec);
        insta::assert_snapshot!(text.replace("\r\n", "\n"));
        assert_eq!(split(text.lines().last().unwrap()), spec.command());
        insta::assert_snapshot!(
            task(&spec, r"C:\Users\ann\.openclaw-services\openclaw-gateway-work.cmd").replace("\r\n", "\n")
        );
        assert_eq!(utf16("a"), [0xFF, 0xFE, b'a', 0]);
    }

    /// SSH-15
    #[test]
    fn the_script_of_a_tunnel_keeps_it() {
        insta::assert_snapshot!(command_file(&tunnel(None)).replace("\r\n", "\n"));
    }
}
