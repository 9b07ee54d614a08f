//! What a figure is worthless without: the machine it was taken on.

use serde::Serialize;

/// Read from `/proc`; empty where that says nothing.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    kernel: String,
    processor: String,
    processors: usize,
    memory_kib: u64,
}

impl Machine {
    pub(crate) fn this() -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let processors = std::thread::available_parallelism().map_or(0, usize::from);
        Self {
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            processor: value_of(&read("/proc/cpuinfo"), "model name").unwrap_or_default(),
            processors,
            memory_kib: value_of(&read("/proc/meminfo"), "MemTotal")
                .and_then(|value| value.split(' ').next().and_then(|kib| kib.parse().ok()))
                .unwrap_or_default(),
        }
    }

    pub(crate) fn line(&self) -> String {
        format!(
            "{} × {}, {} GiB, Linux {}",
            self.processors,
            self.processor,
            self.memory_kib / (1024 * 1024),
            self.kernel
        )
    }
}

fn value_of(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_name() {
        let text = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nMemTotal:       24 kB\n";
        assert_eq!(
            value_of(text, "model name").as_deref(),
            Some("Some CPU @ 2 GHz")
        );
        assert_eq!(value_of(text, "MemTotal").as_deref(), Some("24 kB"));
        assert_eq!(value_of(text, "absent"), None);
    }
}
