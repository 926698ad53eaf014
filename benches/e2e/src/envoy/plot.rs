//! The report as a drawing: for each kind a line, and on it what it adds to a request, on a scale where each step is
//! ten times the one before. Plain SVG, for light pages and dark ones.

use std::fmt::Write as _;

use crate::envoy::kind::Kind;
use crate::envoy::report::Row;

/// Where lines begin, how far apart they are, and how wide their names are.
const TOP: f64 = 56.0;
const LINE: f64 = 30.0;
const NAMES: f64 = 190.0;
/// Of a panel, and between two.
const PANEL: f64 = 260.0;
const GAP: f64 = 40.0;

/// Two panels: time on the core, and latency.
pub(crate) fn svg(rows: &[Row]) -> String {
    let rows: Vec<_> = rows.iter().filter(|row| row.kind != Kind::NoFilter).collect();
    let most = rows.iter().flat_map(|row| [row.at_peak.total(), row.p99]).fold(10.0, f64::max);
    let scale = Scale { decades: most.log10().ceil() };
    let lines = f64::from(u32::try_from(rows.len()).unwrap_or(u32::MAX));
    let (width, bottom) = (NAMES + 2.0 * PANEL + GAP + 40.0, TOP + LINE * lines);
    let mut drawing = Drawing(String::new());
    let [cpu, latency] = [NAMES, NAMES + PANEL + GAP];
    drawing.panel(cpu, bottom, scale, "added CPU per request at the peak", "Envoy and service, in µs");
    drawing.panel(latency, bottom, scale, "added latency", "○ median · ● p99, in µs");
    let mut y = TOP + LINE / 2.0;
    for row in rows {
        drawing.text(NAMES - 14.0, y + 4.0, "end", row.kind.title());
        let total = row.at_peak.total();
        drawing.bar(cpu, cpu + scale.x(total), y);
        drawing.point(cpu + scale.x(total), y, "last");
        drawing.text(cpu + scale.x(total) + 9.0, y + 4.0, "start", &format!("{total:.0}"));
        drawing.bar(latency + scale.x(row.p50), latency + scale.x(row.p99), y);
        drawing.point(latency + scale.x(row.p50), y, "first");
        drawing.point(latency + scale.x(row.p99), y, "last");
        let both = format!("{:.0} · {:.0}", row.p50, row.p99);
        drawing.text(latency + scale.x(row.p50.max(row.p99)) + 9.0, y + 4.0, "start", &both);
        y += LINE;
    }
    let height = bottom + 30.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" aria-label=\"What a check adds to a request through Envoy\">\n\
         <style>{STYLE}</style>\n{}</svg>\n",
        drawing.0
    )
}

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#1f2328}.soft{fill:#59636e}.grid{stroke:#d1d9e0}\
    .bar{stroke:#0969da;stroke-width:2}.first{fill:#fff;stroke:#0969da;stroke-width:2}\
    .last{fill:#0969da;stroke:#0969da;stroke-width:2}\
    @media(prefers-color-scheme:dark){text{fill:#f0f6fc}.soft{fill:#9198a1}.grid{stroke:#3d444d}\
    .bar{stroke:#4493f8}.first{fill:#0d1117;stroke:#4493f8}.last{fill:#4493f8;stroke:#4493f8}}";

/// From a microsecond to so many powers of ten more; what is less is at the left edge.
#[derive(Debug, Clone, Copy)]
struct Scale {
    decades: f64,
}

impl Scale {
    fn x(self, value: f64) -> f64 {
        // Values stand beside their points, within the panel.
        (PANEL - 60.0) * value.max(1.0).log10() / self.decades
    }
}

struct Drawing(String);

impl Drawing {
    fn panel(&mut self, left: f64, bottom: f64, scale: Scale, title: &str, subtitle: &str) {
        self.text(left, 18.0, "start", title);
        self.add(format_args!("<text class=\"soft\" x=\"{left}\" y=\"36\">{subtitle}</text>"));
        for (decade, value) in (0_u32..).zip(["1 µs", "10", "100", "1 ms", "10", "100", "1 s"]) {
            if f64::from(decade) <= scale.decades {
                let x = left + scale.x(10_f64.powf(f64::from(decade)));
                self.add(format_args!(
                    "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{bottom}\"/>",
                    TOP - 10.0
                ));
                let y = bottom + 16.0;
                self.add(format_args!(
                    "<text class=\"soft\" text-anchor=\"middle\" x=\"{x:.1}\" y=\"{y}\">{value}</text>"
                ));
            }
        }
    }

    fn bar(&mut self, from: f64, to: f64, y: f64) {
        self.add(format_args!("<line class=\"bar\" x1=\"{from:.1}\" x2=\"{to:.1}\" y1=\"{y}\" y2=\"{y}\"/>"));
    }

    fn point(&mut self, x: f64, y: f64, class: &str) {
        self.add(format_args!("<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y}\" r=\"4\"/>"));
    }

    fn text(&mut self, x: f64, y: f64, anchor: &str, text: &str) {
        self.add(format_args!("<text text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y}\">{text}</text>"));
    }

    fn add(&mut self, element: std::fmt::Arguments<'_>) {
        let _string_takes_it = writeln!(self.0, "{element}");
    }
}
