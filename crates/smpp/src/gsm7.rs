//! The GSM 7-bit default alphabet and its extension table (3GPP TS 23.038 section 6.2.1), one character an octet, as SMPP carries it.

/// What leads a character of the extension table.
const ESCAPE: u8 = 0x1b;

/// The characters, by their code; the escape is where no text has anything.
const DEFAULT: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å', 'Δ', '_', 'Φ', 'Γ',
    'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', '\u{1b}', 'Æ', 'æ', 'ß', 'É', ' ', '!', '"', '#', '¤', '%', '&', '\'',
    '(', ')', '*', '+', ',', '-', '.', '/', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<',
    '=', '>', '?', '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q',
    'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§', '¿', 'a', 'b', 'c', 'd', 'e', 'f',
    'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä',
    'ö', 'ñ', 'ü', 'à',
];

const EXTENSION: [(u8, char); 10] = [
    (0x0a, '\u{c}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2f, '\\'),
    (0x3c, '['),
    (0x3d, '~'),
    (0x3e, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

/// Every octet is something: a code of no character, and an escape of none, is a blank (TS 23.038 section 6.2.1.1).
pub(crate) fn decode(octets: &[u8]) -> String {
    let mut text = String::new();
    let mut octets = octets.iter();
    while let Some(octet) = octets.next() {
        let character = if *octet == ESCAPE {
            let extended = octets.next().and_then(|code| EXTENSION.iter().find(|(known, _)| known == code));
            extended.map(|(_, character)| *character)
        } else {
            DEFAULT.get(usize::from(*octet)).copied()
        };
        text.push(character.unwrap_or(' '));
    }
    text
}

/// The octets of a character; `None` if the alphabet does not have it.
pub(crate) fn encode(character: char) -> Option<([u8; 2], usize)> {
    if let Some((code, _)) = EXTENSION.iter().find(|(_, known)| *known == character) {
        return Some(([ESCAPE, *code], 2));
    }
    let code = DEFAULT.iter().position(|known| *known == character).filter(|_| character != '\u{1b}')?;
    Some(([u8::try_from(code).ok()?, 0], 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ts_23_038_6_2_1_every_character_comes_back() {
        let all: String =
            DEFAULT.iter().filter(|c| **c != '\u{1b}').chain(EXTENSION.iter().map(|(_, c)| c)).collect();
        let octets: Vec<u8> = all
            .chars()
            .flat_map(|c| encode(c).map(|(octets, length)| octets[..length].to_vec()).unwrap())
            .collect();
        assert_eq!((decode(&octets), octets.len()), (all, 127 + 20));
        assert_eq!([encode('ő'), encode('\u{1b}')], [None, None]);
    }

    #[test]
    fn ts_23_038_6_2_1_1_what_is_no_character_is_a_blank() {
        assert_eq!(decode(&[b'a', 0x1b, 0x65, 0x1b, 0x00, 0x80, 0xff, 0x1b]), "a€    ");
    }
}
