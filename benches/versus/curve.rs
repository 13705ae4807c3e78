//! How costs grow with the number of nodes, as a picture: docs/pictures/growth.svg.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::scale::Cost;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pictures/growth.svg");

const SIZE: (u32, u32) = (1000, 760);

/// Of each of a cost's figures: what it is, in which unit, and how many of the unit one is.
const FIGURES: [(&str, f64); 4] =
    [("time, ms", 1e3), ("memory, MB", 1e-6), ("read, MB", 1e-6), ("system calls", 1.0)];

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

/// A curve for each command in a panel for each figure, both axes logarithmic.
pub fn draw(curves: &[(&str, Vec<Cost>)]) {
    picture(curves).expect("the picture is written");
    println!("\ndrawn: {FILE}");
}

fn picture(curves: &[(&str, Vec<Cost>)]) -> Fallible<()> {
    let whole = SVGBackend::new(FILE, SIZE).into_drawing_area();
    whole.fill(&WHITE)?;
    for (index, panel) in whole.split_evenly((2, 2)).iter().enumerate() {
        draw_panel(panel, index, curves)?;
    }
    Ok(whole.present()?)
}

fn draw_panel(
    panel: &DrawingArea<SVGBackend<'_>, Shift>,
    index: usize,
    curves: &[(&str, Vec<Cost>)],
) -> Fallible<()> {
    let (title, scale) = FIGURES[index];
    let points = |costs: &[Cost]| -> Vec<(f64, f64)> {
        costs.iter().map(|cost| (cost.nodes, (cost.of[index] * scale).max(1e-3))).collect()
    };
    let all: Vec<(f64, f64)> = curves.iter().flat_map(|(_, costs)| points(costs)).collect();
    let ends = |of: fn(&(f64, f64)) -> f64| {
        let values = all.iter().map(of);
        values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)))
    };
    let ((first, last), (low, high)) = (ends(|point| point.0), ends(|point| point.1));
    let mut chart = ChartBuilder::on(panel)
        .caption(title, ("sans-serif", 16))
        .margin(10)
        .x_label_area_size(36)
        .y_label_area_size(56)
        .build_cartesian_2d((first..last * 1.1).log_scale(), (low * 0.8..high * 1.3).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("nodes")
        .x_label_formatter(&f64::to_string)
        .y_label_formatter(&f64::to_string)
        .light_line_style(TRANSPARENT)
        .draw()?;
    for (number, (name, costs)) in curves.iter().enumerate() {
        let color = Palette99::pick(number).to_rgba();
        let line = LineSeries::new(points(costs), color.stroke_width(2)).point_size(3);
        chart
            .draw_series(line)?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
    }
    if index == 0 {
        let mut labels = chart.configure_series_labels();
        labels.position(SeriesLabelPosition::UpperLeft).background_style(WHITE.mix(0.8)).draw()?;
    }
    Ok(())
}
