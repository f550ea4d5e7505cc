//! Everything that is drawn can be read: each pair of colours that any screen uses has a contrast of 3:1 at least on the ground
//! that its theme is for, by the sixteen colours that xterm comes with.

#[allow(dead_code, reason = "the screens use the rest")]
#[path = "harness/scene.rs"]
mod scene;

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier};
use wefwatch::console::model::Message;
use wefwatch::console::theme::Theme;
use wefwatch::feed::status::Status;
use wefwatch::feed::{Change, Link};
use wefwatch::intake::OutputHealth;

use scene::Scene;

type Rgb = [f64; 3];

/// What xterm draws by default, red, green and blue.
#[rustfmt::skip]
const XTERM: [u32; 16] = [
    0x00_0000, 0xcd_0000, 0x00_cd00, 0xcd_cd00, 0x00_00ee, 0xcd_00cd, 0x00_cdcd, 0xe5_e5e5,
    0x7f_7f7f, 0xff_0000, 0x00_ff00, 0xff_ff00, 0x5c_5cff, 0xff_00ff, 0x00_ffff, 0xff_ffff,
];

fn of(number: u32) -> Rgb {
    [16, 8, 0].map(|shift| f64::from((number >> shift) & 0xff) / 255.0)
}

/// A colour of the cube of 216, or of the greys after it.
fn indexed(index: u8) -> Rgb {
    match index {
        0..16 => of(XTERM[usize::from(index)]),
        16..232 => {
            let level = |part: u8| if part == 0 { 0.0 } else { f64::from(55 + 40 * u32::from(part)) / 255.0 };
            [(index - 16) / 36, (index - 16) / 6 % 6, (index - 16) % 6].map(level)
        }
        _ => [f64::from(8 + 10 * u32::from(index - 232)) / 255.0; 3],
    }
}

fn colour(colour: Color, default: Rgb) -> Rgb {
    let place = |place: usize| of(XTERM[place]);
    match colour {
        Color::Reset => default,
        Color::Black => place(0),
        Color::Red => place(1),
        Color::Green => place(2),
        Color::Yellow => place(3),
        Color::Blue => place(4),
        Color::Magenta => place(5),
        Color::Cyan => place(6),
        Color::Gray => place(7),
        Color::DarkGray => place(8),
        Color::LightRed => place(9),
        Color::LightGreen => place(10),
        Color::LightYellow => place(11),
        Color::LightBlue => place(12),
        Color::LightMagenta => place(13),
        Color::LightCyan => place(14),
        Color::White => place(15),
        Color::Indexed(index) => indexed(index),
        Color::Rgb(red, green, blue) => [red, green, blue].map(|part| f64::from(part) / 255.0),
    }
}

/// The contrast of two colours as the Web Content Accessibility Guidelines define it.
fn contrast(one: Rgb, other: Rgb) -> f64 {
    let linear = |part: f64| if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) };
    let luminance = |[red, green, blue]: Rgb| 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// The contrast of a cell on the ground of its theme.
fn of_cell((fg, bg, modifier): (Color, Color, Modifier), is_light: bool) -> f64 {
    let (ink, ground) = if is_light { (of(0), of(0xff_ffff)) } else { (of(0xe5_e5e5), of(0)) };
    let (mut front, back) = (colour(fg, ink), colour(bg, ground));
    // Terminals differ in how faint faint is; none goes beyond half.
    if modifier.contains(Modifier::DIM) {
        front = [0, 1, 2].map(|part| f64::midpoint(front[part], back[part]));
    }
    contrast(front, back)
}

const THEMES: [Theme; 5] = Theme::ALL;

/// The pairs that are drawn, and where each was seen first.
type Pairs = BTreeMap<String, ((Color, Color, Modifier), String)>;

/// Everything that a screen may show, by theme.
fn drawn() -> [Pairs; 5] {
    let places = [
        "",
        "2",
        "3",
        "3 up ⏎",
        "4",
        "4 pgdn",
        "4 ⏎",
        "?",
        "? down",
        ":",
        "n",
        "n 2",
        "n 3",
        "n 4",
        "n 5",
        "n 6",
        "n y",
        "n e",
        "3 =",
        "m",
        "m up",
        "M",
        "v",
        "c h m",
        "/ x",
        "/ h o s t s : x",
        "space",
        "tab",
        "tab ⏎",
        "L down",
        "u",
        "a",
        "v f",
        "= down",
    ];
    let mut pairs = THEMES.map(|_| Pairs::new());
    for size in [(120, 36), (80, 24), (30, 5)] {
        for keys in places {
            let mut scene = Scene::of(&["demo.xml", "skewed_clock.xml", "broken.txt"], size);
            scene.keys(keys);
            for trouble in ["", "loss", "stale"] {
                match trouble {
                    "loss" => {
                        let output = OutputHealth {
                            url: "tcp://siem:1".to_owned(),
                            is_up: false,
                            problem: Some("gone".to_owned()),
                            delivered: 0,
                            gave_up: 2,
                            waiting: 9,
                            capacity: 10,
                        };
                        let status = Status { outputs: vec![output], lag_ms: Some(9000), ..scene.model.status.clone() };
                        scene.tell(Change::Status(Box::new(status)));
                    }
                    "stale" => {
                        let link = Link::Down { why: "gone".to_owned(), silent: std::time::Duration::from_secs(9) };
                        scene.model.update(Message::Link(link));
                    }
                    _ => {}
                }
                for (theme, pairs) in THEMES.into_iter().zip(&mut pairs) {
                    scene.model.theme = theme;
                    for cell in scene.buffer().content().iter().filter(|cell| cell.symbol() != " ") {
                        let pair = (cell.fg, cell.bg, cell.modifier);
                        pairs.entry(format!("{pair:?}")).or_insert_with(|| (pair, format!("{keys} {trouble} {size:?}")));
                    }
                }
            }
        }
    }
    pairs
}

#[test]
fn every_pair_of_colours_can_be_told_from_its_ground() {
    for (theme, pairs) in THEMES.into_iter().zip(drawn()) {
        assert!(pairs.len() > 4, "{theme}: {pairs:?}");
        for (pair, at) in pairs.values() {
            for is_light in [false, true] {
                // Without colours it has to do on both, and what has a ground of its own does.
                if matches!(theme, Theme::Mono | Theme::Night | Theme::Paper) || is_light == (theme == Theme::Light) {
                    let own = of_cell(*pair, is_light);
                    assert!(own >= 3.0, "{theme}, light {is_light}: {pair:?} has {own:.2}:1, seen at {at}");
                }
            }
        }
    }
}

/// How somebody sees a colour whose eyes lack the cones for red (`true`) or for green, by the matrices of Machado and others
/// (2009).
fn seen_without([red, green, blue]: Rgb, lacks_red: bool) -> Rgb {
    let rows = if lacks_red {
        [[0.152_286, 1.052_583, -0.204_868], [0.114_503, 0.786_281, 0.099_216], [-0.003_882, -0.048_116, 1.051_998]]
    } else {
        [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]]
    };
    let linear = |part: f64| if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) };
    let back = |part: f64| if part <= 0.003_130_8 { part * 12.92 } else { 1.055 * part.powf(1.0 / 2.4) - 0.055 };
    let all = [red, green, blue].map(linear);
    rows.map(|row| back((0..3).map(|place| row[place] * all[place]).sum::<f64>().clamp(0.0, 1.0)))
}

#[test]
fn who_sees_red_and_green_alike_tells_bad_from_good() {
    let apart = |one: Rgb, other: Rgb| (0..3).map(|place| (one[place] - other[place]).powi(2)).sum::<f64>().sqrt();
    let painted = |theme, word: &str| {
        let mut scene = Scene::of(&["demo.xml"], (120, 36));
        scene.model.theme = theme;
        let buffer = scene.buffer();
        let text: Vec<&str> = buffer.content().iter().map(ratatui::buffer::Cell::symbol).collect();
        let at = text.windows(word.len()).position(|letters| letters.concat() == word).expect("it is drawn");
        colour(buffer.content()[at].fg, of(0xe5_e5e5))
    };
    for theme in [Theme::Night, Theme::Paper] {
        // What is bad, what needs a look, what is well, what has the focus.
        let colours = ["HIGH 6", "BLIND", "LIVE", "Open alerts"].map(|word| painted(theme, word));
        for lacks_red in [true, false] {
            let seen = colours.map(|own| seen_without(own, lacks_red));
            for (one, other) in [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3)] {
                let distance = apart(seen[one], seen[other]);
                assert!(distance > 0.2, "{theme}, without red {lacks_red}: {one} and {other} are {distance:.2} apart");
            }
        }
    }
    // What would fail: xterm's bright red beside its green, to eyes that lack the cones for red.
    let pure = |number| seen_without(of(number), true);
    assert!(apart(pure(0xcd_5000), pure(0x70_7000)) < 0.14);
}

#[test]
fn the_measure_is_the_one_of_the_guidelines() {
    assert!((contrast(of(0), of(0xff_ffff)) - 21.0).abs() < 1e-6);
    assert!((contrast(of(0x77_7777), of(0xff_ffff)) - 4.48).abs() < 0.01);
    // What would fail: xterm's green and cyan on white, its blue on black.
    for (colour, is_light) in [(Color::Green, true), (Color::Cyan, true), (Color::Blue, false)] {
        assert!(of_cell((colour, Color::Reset, Modifier::empty()), is_light) < 3.0, "{colour}");
    }
}
