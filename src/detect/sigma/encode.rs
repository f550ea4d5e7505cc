//! The modifiers that spell a value in other ways before it is compared: `windash`, `wide` and its kin, `base64`,
//! `base64offset`. They apply in the order in which they are written; one value can become several, any of which may match.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsigma_parser::Modifier;

use crate::detect::predicate::pattern::Wild;

/// How many spellings one value may have; `windash` multiplies by five for every dash.
const MAX_SPELLINGS: usize = 4096;
/// What Windows programs take for the dash before an option, and the slash.
const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];

/// A value on its way through the modifiers.
#[derive(Debug, Clone)]
enum Spelling {
    Text(Vec<Wild>),
    /// Text in an encoding that is not ours, until it is put into base64.
    Bytes(Vec<u8>),
}

/// All spellings of a value.
pub(super) fn spellings(pieces: Vec<Wild>, modifiers: &[Modifier]) -> Result<Vec<Vec<Wild>>, String> {
    let mut all = vec![Spelling::Text(pieces)];
    let mut is_placed = false;
    for modifier in modifiers {
        let next: Vec<Vec<Spelling>> = match modifier {
            Modifier::Contains | Modifier::StartsWith | Modifier::EndsWith => {
                is_placed = true;
                continue;
            }
            Modifier::Base64 | Modifier::Base64Offset if is_placed => {
                return Err("`base64` stands after `contains`: a text with wildcards cannot be encoded".to_owned());
            }
            Modifier::WindAsh => all.into_iter().map(windash).collect::<Result<_, _>>()?,
            Modifier::Wide => all.into_iter().map(|own| wide(own, u16::to_le_bytes, &[])).collect::<Result<_, _>>()?,
            Modifier::Utf16 => all.into_iter().map(|own| wide(own, u16::to_le_bytes, &[0xFF, 0xFE])).collect::<Result<_, _>>()?,
            Modifier::Utf16be => all.into_iter().map(|own| wide(own, u16::to_be_bytes, &[])).collect::<Result<_, _>>()?,
            Modifier::Base64 => all.into_iter().map(|own| Ok(vec![base64(&bytes(own)?)])).collect::<Result<_, String>>()?,
            Modifier::Base64Offset => all.into_iter().map(offsets).collect::<Result<_, _>>()?,
            _ => continue,
        };
        all = next.into_iter().flatten().collect();
        if all.len() > MAX_SPELLINGS {
            return Err(format!("a value of {} spellings; at most {MAX_SPELLINGS} are compared", all.len()));
        }
    }
    all.into_iter().map(text).collect()
}

fn text(spelling: Spelling) -> Result<Vec<Wild>, String> {
    let bytes = match spelling {
        Spelling::Text(pieces) => return Ok(pieces),
        Spelling::Bytes(bytes) => bytes,
    };
    let (mark, rest) = bytes.strip_prefix(&[0xFF, 0xFE]).map_or(("", bytes.as_slice()), |rest| ("\u{feff}", rest));
    let text = std::str::from_utf8(rest).map_err(|_| "`wide` without `base64` takes ASCII letters only")?;
    Ok(vec![Wild::Literal(format!("{mark}{text}"))])
}

/// Every dash or slash that begins a word can be any of the five; the others stay.
fn windash(spelling: Spelling) -> Result<Vec<Spelling>, String> {
    let Spelling::Text(pieces) = spelling else { return Err("`windash` stands after an encoding".to_owned()) };
    let mut all: Vec<Vec<Wild>> = vec![Vec::with_capacity(pieces.len())];
    for piece in pieces {
        let spelled = match piece {
            Wild::Literal(text) => dashed(&text)?.into_iter().map(Wild::Literal).collect(),
            other => vec![other],
        };
        if all.len() * spelled.len() > MAX_SPELLINGS {
            return Err(format!("`windash` gives more than {MAX_SPELLINGS} spellings"));
        }
        let with = |own: &Vec<Wild>, piece: &Wild| own.iter().chain([piece]).cloned().collect::<Vec<_>>();
        all = all.iter().flat_map(|own| spelled.iter().map(move |piece| with(own, piece))).collect();
    }
    Ok(all.into_iter().map(Spelling::Text).collect())
}

fn dashed(text: &str) -> Result<Vec<String>, String> {
    let is_word = |character: Option<char>| character.is_some_and(|character| character.is_alphanumeric() || character == '_');
    let mut all = vec![String::with_capacity(text.len())];
    let mut before = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if matches!(character, '-' | '/') && !is_word(before) && is_word(characters.peek().copied()) {
            if all.len() * DASHES.len() > MAX_SPELLINGS {
                return Err(format!("`windash` gives more than {MAX_SPELLINGS} spellings"));
            }
            all = all.iter().flat_map(|own| DASHES.map(|dash| format!("{own}{dash}"))).collect();
        } else {
            all.iter_mut().for_each(|own| own.push(character));
        }
        before = Some(character);
    }
    Ok(all)
}

fn wide(spelling: Spelling, unit: fn(u16) -> [u8; 2], mark: &[u8]) -> Result<Vec<Spelling>, String> {
    let Spelling::Text(pieces) = spelling else { return Err("two encodings, one after the other".to_owned()) };
    let encode = |text: &str| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    match pieces.as_slice() {
        [] => Ok(vec![Spelling::Bytes(mark.to_vec())]),
        [Wild::Literal(only)] => Ok(vec![Spelling::Bytes([mark, &encode(only)].concat())]),
        _ => {
            let piece = |piece: Wild| match piece {
                Wild::Literal(text) => String::from_utf8(encode(&text)).map(Wild::Literal),
                other => Ok(other),
            };
            let pieces = pieces.into_iter().map(piece).collect::<Result<_, _>>();
            Ok(vec![Spelling::Text(pieces.map_err(|_| "`wide` with wildcards takes ASCII letters only")?)])
        }
    }
}

fn bytes(spelling: Spelling) -> Result<Vec<u8>, String> {
    match spelling {
        Spelling::Bytes(bytes) => Ok(bytes),
        Spelling::Text(pieces) => match pieces.as_slice() {
            [] => Ok(Vec::new()),
            [Wild::Literal(text)] => Ok(text.as_bytes().to_vec()),
            _ => Err("`base64` of a text with wildcards".to_owned()),
        },
    }
}

fn base64(bytes: &[u8]) -> Spelling {
    Spelling::Text(vec![Wild::Literal(STANDARD.encode(bytes))])
}

/// The base64 of bytes that may begin at any offset modulo three, without the letters that their neighbours have a part in.
fn offsets(spelling: Spelling) -> Result<Vec<Spelling>, String> {
    let bytes = bytes(spelling)?;
    let at = |offset: usize| {
        let padded: Vec<u8> = std::iter::repeat_n(b' ', offset).chain(bytes.iter().copied()).collect();
        let start = [0, 2, 3][offset];
        let shared = [0, 3, 2][padded.len() % 3];
        let text = STANDARD.encode(padded);
        let own = text.get(start..text.len() - shared).unwrap_or_default();
        Spelling::Text(vec![Wild::Literal(own.to_owned())])
    };
    Ok((0..3).map(at).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(text: &str, modifiers: &[Modifier]) -> Result<Vec<String>, String> {
        let plain = |pieces: Vec<Wild>| {
            pieces.into_iter().map(|piece| match piece {
                Wild::Literal(text) => text,
                Wild::Many => "*".to_owned(),
                Wild::One => "?".to_owned(),
            })
        };
        let all = spellings(vec![Wild::Literal(text.to_owned())], modifiers)?;
        Ok(all.into_iter().map(|pieces| plain(pieces).collect()).collect())
    }

    #[test]
    fn encodings() {
        use Modifier::{Base64, Base64Offset, Contains, Utf16, Utf16be, Wide};
        let rows: [(&str, &[Modifier], &[&str]); 8] = [
            ("foobar", &[Base64], &["Zm9vYmFy"]),
            ("fo", &[Base64], &["Zm8="]),
            ("foobar", &[Base64Offset, Contains], &["Zm9vYmFy", "Zvb2Jhc", "mb29iYX"]),
            ("http://", &[Base64Offset], &["aHR0cDovL", "h0dHA6Ly", "odHRwOi8v"]),
            ("ping", &[Wide, Base64], &["cABpAG4AZwA="]),
            ("ab", &[Utf16be, Base64], &["AGEAYg=="]),
            ("ab", &[Utf16, Base64], &["//5hAGIA"]),
            ("ab", &[Wide], &["a\0b\0"]),
        ];
        for (text, modifiers, expected) in rows {
            assert_eq!(spelled(text, modifiers).unwrap(), expected, "{text} {modifiers:?}");
        }
        assert!(spelled("é", &[Wide]).is_err(), "no text");
        assert_eq!(spelled("é", &[Wide, Base64]).unwrap(), ["6QA="]);
        assert!(spelled("a", &[Contains, Base64]).is_err(), "wildcards cannot be encoded");
    }

    #[test]
    fn dashes_at_word_starts_only() {
        let all = spelled(" -param-name /x a/b - /", &[Modifier::WindAsh]).unwrap();
        assert_eq!(all.len(), 25);
        for expected in [" /param-name -x a/b - /", " –param-name ―x a/b - /", " -param-name —x a/b - /"] {
            assert!(all.iter().any(|own| own == expected), "{expected}");
        }
        assert_eq!(spelled("-e", &[Modifier::WindAsh]).unwrap().len(), 5, "at the very beginning");
        assert!(spelled(&" -a".repeat(6), &[Modifier::WindAsh]).is_err(), "15,625 spellings");
    }
}
