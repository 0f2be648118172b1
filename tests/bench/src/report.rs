//! Figures and the table they are printed as.

use comfy_table::{Cell, CellAlignment, Table, presets};
use serde::Serialize;

/// All figures of one run of the benchmark.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Machine {
    cpus: usize,
    model: String,
    kernel: String,
}

impl Default for Machine {
    fn default() -> Self {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_else(|_| String::new());
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_else(|_| "unknown".into());
        Self {
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            model: model.trim_start_matches(['\t', ' ', ':']).to_owned(),
            kernel: kernel.trim().to_owned(),
        }
    }
}

/// One figure: its samples in one unit, and the budget it is held against.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    name: String,
    unit: &'static str,
    median: f64,
    min: f64,
    max: f64,
    budget: Option<f64>,
}

impl Report {
    /// Adds a figure from its samples.
    pub(crate) fn add(
        &mut self,
        name: impl Into<String>,
        unit: &'static str,
        budget: Option<f64>,
        mut samples: Vec<f64>,
    ) {
        samples.sort_by(f64::total_cmp);
        let (Some(&min), Some(&max)) = (samples.first(), samples.last()) else { return };
        self.rows.push(Row { name: name.into(), unit, median: samples[samples.len() / 2], min, max, budget });
    }

    /// Prints the table for people.
    #[expect(clippy::print_stdout, reason = "this is the program's output")]
    pub(crate) fn print(&self) {
        let mut table = Table::new();
        table.load_style(presets::UTF8_BORDERS_ONLY);
        table.set_header(["figure", "median", "min", "max", "unit", "budget"]);
        for row in &self.rows {
            let number = |value: f64| Cell::new(pretty(value)).set_alignment(CellAlignment::Right);
            let budget = row.budget.map_or_else(String::new, |budget| format!("≤ {}", pretty(budget)));
            table.add_row([
                Cell::new(&row.name),
                number(row.median),
                number(row.min),
                number(row.max),
                Cell::new(row.unit),
                Cell::new(budget),
            ]);
        }
        println!("{} × {}, Linux {}", self.machine.cpus, self.machine.model, self.machine.kernel);
        println!("{table}");
    }
}

fn pretty(value: f64) -> String {
    match value.abs() {
        v if v >= 1000.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
