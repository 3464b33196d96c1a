//! A real camera: `GStreamer`'s RTSP server with a synthetic picture and sound.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub struct Camera {
    child: Child,
    pub port: u16,
    arguments: Vec<String>,
}

impl Camera {
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_at(0, arguments.iter().map(|word| (*word).to_owned()).collect())
    }

    fn start_at(port: u16, arguments: Vec<String>) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("ops/cameras/camera.py");
        // The system's own Python: it has the packages that ops/ci/install installs.
        let mut command = Command::new("/usr/bin/python3");
        command.arg(script).args(["--port", &port.to_string()]).args(&arguments);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("the camera did not start: ops/ci/install installs what it needs");
        Self { child, port, arguments }
    }

    pub fn address(&self) -> String {
        format!("rtsp://127.0.0.1:{}/live", self.port)
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Again under the same address.
    pub fn restart(&mut self) {
        *self = Self::start_at(self.port, self.arguments.clone());
    }

    pub fn signal(&self, signal: &str) {
        let status = Command::new("/bin/kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        // Killed already, perhaps.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
