//! The report for a browser: one file, nothing fetched.

use super::Report;
use super::chart;
use crate::log::Logs;

const STYLE: &str = "
body { font: 15px/1.5 system-ui, sans-serif; max-width: 66rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24 }
h1 { font-size: 1.4rem; margin-bottom: 0 } h2 { font-size: 1.05rem; margin: 1.6rem 0 .4rem }
pre { background: #f5f6f8; padding: .8rem 1rem; overflow-x: auto; font-size: 13px; line-height: 1.45 }
table { border-collapse: collapse; width: 100% } td { padding: .25rem .6rem; border-top: 1px solid #e3e6ea; vertical-align: top }
.held { color: #18794e; font-weight: 600 } .broken { color: #c4281c; font-weight: 600 } .untested { color: #8a6d00 }
svg { width: 100%; height: auto } svg text { font: 11px system-ui, sans-serif; fill: #57606a }
";

/// The page.
pub(super) fn page(report: &Report, logs: &Logs) -> String {
    let about = &report.about;
    let rows: String = report.checked.iter().map(row).collect();
    let (class, verdict) = if report.is_good() {
        ("held", "every promise held")
    } else {
        ("broken", "promises were broken")
    };
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{name}, seed {seed}</title>\
         <style>{STYLE}</style><h1>{name} <span class=\"{class}\">{verdict}</span></h1><p>{does}</p>\
         {chart}<h2>Promises</h2><table>{rows}</table><h2>Report</h2><pre>{text}</pre></html>\n",
        name = escape(&about.scenario),
        seed = about.seed,
        does = escape(&about.does),
        chart = chart::draw(&report.timeline, logs),
        text = escape(&report.to_string()),
    )
}

fn row(checked: &crate::checker::Checked) -> String {
    let (class, verdict) = match checked.violations.len() {
        0 if checked.looked_at == 0 => ("untested", "not tested".to_owned()),
        0 => ("held", "held".to_owned()),
        count => ("broken", format!("broken {count} times")),
    };
    format!(
        "<tr><td>{}<td class=\"{class}\">{verdict}<td>{}<td>{} looks</tr>",
        checked.code,
        escape(checked.promise),
        checked.looked_at
    )
}

/// Text as HTML shows it.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
