//! The backtest's picture: what the models require, and a single position and a hedge through time, as SVG.

use std::fmt::Write as _;

use crate::prices::Prices;
use crate::simulate::Outcome;

const WIDTH: f64 = 1_000.0;
const LEFT: f64 = 210.0;
const RIGHT: f64 = 980.0;
/// Models that are drawn, by their place in the records, with their colours: isolated, standard, full.
const DRAWN: [(usize, &str, &str); 3] = [
    (0, "isolated: every position by itself", "#9aa5b1"),
    (1, "Plimsoll's Standard margin", "#e0a030"),
    (3, "Plimsoll's Portfolio margin", "#2266bb"),
];
const FULL: usize = 3;
const STANDARD: usize = 1;
/// Portfolios that are drawn through time.
const THROUGH_TIME: [&str; 2] = ["long BTC", "long BTC, short ETH"];
const BAR: f64 = 13.0;
const GROUP: f64 = 3.0 * BAR + 14.0;
const CHART: f64 = 210.0;

/// The picture.
pub fn svg(prices: &Prices, outcomes: &[Outcome]) -> String {
    let mut page = Page::default();
    let mut top = bars(&mut page, outcomes);
    for name in THROUGH_TIME {
        if let Some(outcome) = outcomes.iter().find(|outcome| outcome.name == name) {
            top = through_time(&mut page, prices, outcome, top);
        }
    }
    page.finish(top)
}

/// Elements drawn so far.
#[derive(Default)]
struct Page(String);

impl Page {
    fn text(&mut self, x: f64, y: f64, anchor: &str, size: u32, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(
            self.0,
            r##"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" font-size="{size}" fill="#222">{text}</text>"##
        );
    }

    fn rectangle(&mut self, [x, y, width, height]: [f64; 4], colour: &str) {
        let _ = writeln!(
            self.0,
            r##"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="{colour}"/>"##
        );
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64), style: &str) {
        let _ = writeln!(
            self.0,
            r##"<line x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}" {style}/>"##,
            from.0, from.1, to.0, to.1
        );
    }

    /// A line through points, without those that lie level between their neighbours.
    fn path(&mut self, points: &[(f64, f64)], style: &str) {
        let mut data = String::new();
        let level = |a: f64, b: f64| (a - b).abs() < 0.05;
        for (at, (x, y)) in points.iter().enumerate() {
            let near = |other: Option<usize>| {
                other
                    .and_then(|other| points.get(other))
                    .is_some_and(|(_, other)| level(*other, *y))
            };
            if at == 0 {
                let _ = write!(data, "M{x:.1},{y:.1}");
            } else if !(near(at.checked_sub(1)) && near(at.checked_add(1))) {
                let _ = write!(data, "L{x:.1},{y:.1}");
            }
        }
        self.strokes(&data, style);
    }

    fn strokes(&mut self, data: &str, style: &str) {
        let _ = writeln!(self.0, r##"<path d="{data}" fill="none" {style}/>"##);
    }

    fn finish(self, height: f64) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" \
             height=\"{height:.0}\" font-family=\"DejaVu Sans, Helvetica, Arial, sans-serif\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{}</svg>\n",
            self.0
        )
    }
}

/// Bars of the mean requirement per portfolio; the next free height.
fn bars(page: &mut Page, outcomes: &[Outcome]) -> f64 {
    page.text(
        20.0,
        30.0,
        "start",
        17,
        "Mean Init requirement, percent of the gross position",
    );
    page.text(
        20.0,
        50.0,
        "start",
        12,
        "Behind each bar: days on which the next day's loss was more than the requirement, percent of all days",
    );
    let mut x = 20.0;
    for (_, name, colour) in DRAWN {
        page.rectangle([x, 62.0, 14.0, 12.0], colour);
        page.text(x + 20.0, 73.0, "start", 12, name);
        x += 280.0;
    }
    let required = |outcome: &Outcome, at: usize| 100.0 * outcome.records[at].mean_required();
    let all = outcomes
        .iter()
        .flat_map(|outcome| DRAWN.map(|(at, ..)| required(outcome, at)));
    let most = all.fold(1.0, f64::max);
    // Room for the label behind the longest bar.
    let scale = (RIGHT - LEFT - 130.0) / most;
    let mut top = 92.0;
    for outcome in outcomes {
        page.text(
            LEFT - 10.0,
            top + GROUP / 2.0 - 3.0,
            "end",
            13,
            &outcome.name,
        );
        for (row, (at, _, colour)) in DRAWN.into_iter().enumerate() {
            let (value, y) = (required(outcome, at), top + row as f64 * BAR);
            page.rectangle([LEFT, y, (value * scale).max(1.0), BAR - 2.0], colour);
            let over = 100.0 * outcome.records[at].one_day.part();
            let label = format!("{value:.1} %, over on {over:.2} %");
            page.text(
                LEFT + value * scale + 6.0,
                y + BAR - 3.5,
                "start",
                11,
                &label,
            );
        }
        top += GROUP;
    }
    top + 20.0
}

/// The requirement and the losses of one portfolio, day by day; the next free height.
fn through_time(page: &mut Page, prices: &Prices, outcome: &Outcome, top: f64) -> f64 {
    let left = 60.0;
    let title = format!(
        "{}: what Portfolio margin (blue) and Standard margin (amber) required at each close,",
        outcome.name
    );
    page.text(20.0, top + 20.0, "start", 15, &title);
    page.text(20.0, top + 38.0, "start", 12, "and what the next day cost (red where it was more than Portfolio margin held), percent of the gross");
    let full = &outcome.records[FULL].required;
    let losses = outcome.losses.iter().map(|(_, loss)| *loss);
    let most = full.iter().copied().chain(losses).fold(0.01, f64::max);
    let step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5]
        .into_iter()
        .find(|step| most / step <= 6.0)
        .unwrap_or(1.0);
    let (base, head) = (top + 50.0 + CHART, top + 50.0);
    let (first, last) = outcome.span;
    let days = (last - first).max(1) as f64;
    let x = |day: usize| left + (RIGHT - left) * (day - first) as f64 / days;
    let y = |value: f64| base - (base - head) * value / most;
    let mut grid = 0.0;
    while grid <= most {
        page.line((left, y(grid)), (RIGHT, y(grid)), r##"stroke="#dddddd""##);
        page.text(
            left - 8.0,
            y(grid) + 4.0,
            "end",
            11,
            &format!("{:.0}", 100.0 * grid),
        );
        grid += step;
    }
    for day in first..=last {
        let (year, month, of_month) = prices.date(day).parts();
        if of_month == 1 && (month == 1 || days < 500.0) {
            page.line(
                (x(day), base),
                (x(day), base + 5.0),
                r##"stroke="#888888""##,
            );
            let label = if month == 1 {
                year.to_string()
            } else {
                format!("{month:02}")
            };
            page.text(x(day), base + 18.0, "middle", 11, &label);
        }
    }
    let (mut covered, mut missed) = (String::new(), String::new());
    for ((day, loss), held) in outcome.losses.iter().zip(full) {
        if *loss > 0.0 {
            let into = if loss > held {
                &mut missed
            } else {
                &mut covered
            };
            let _ = write!(into, "M{:.1},{:.0}V{:.1}", x(*day), base, y(*loss));
        }
    }
    page.strokes(&covered, r##"stroke="#9a9a9a" stroke-width="0.8""##);
    let points = |required: &[f64]| -> Vec<(f64, f64)> {
        let days = outcome.losses.iter().map(|(day, _)| *day);
        days.zip(required)
            .map(|(day, required)| (x(day), y(*required)))
            .collect()
    };
    let standard = points(&outcome.records[STANDARD].required);
    page.path(&standard, r##"stroke="#e0a030" stroke-width="1.6""##);
    page.path(&points(full), r##"stroke="#2266bb" stroke-width="1.6""##);
    page.strokes(&missed, r##"stroke="#d62020" stroke-width="2""##);
    base + 45.0
}
