//! How many, in words: `1 alert`, `12,480 alerts`.

/// A number with commas.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of things, by the word for one of them.
pub fn count_of(number: u64, word: &str) -> String {
    format!("{} {word}{}", grouped(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        let rows = [(0, "0 alerts"), (1, "1 alert"), (2, "2 alerts"), (1_284_000, "1,284,000 alerts")];
        for (number, expected) in rows {
            assert_eq!(count_of(number, "alert"), expected);
        }
    }
}
