use super::*;

/// A public log of sigstore, and checkpoints that it signed; of the first,
/// a witness vouches for it.
const REKOR: &str =
    "log2025-1.rekor.sigstore.dev+cf119915+AbfK5adZJxsI323FwGD2AJJ9F4i89cfDuLdGJBIYntuO";
const WITNESSED: &str = "\
log2025-1.rekor.sigstore.dev
139911860
EliTHtnx44DhEBH+5qIXBtQsSpc54Avam7mIYEvxnTA=

— log2025-1.rekor.sigstore.dev zxGZFcOra4Y7QpuiQen+CmnUvDZbxSXfBOXJzL+HKIeR9aC58QTfao58ABqkhVyBhQDseS+TZdDNpcnZhoRxkh7IbQ0=
— witness.stagemole.eu Z/euoAAAAABqxF18wrJCADsJ1G5Lc2JaRjZqqBwjpNqH24yQse4iJ4rKS6b5MtvHP+IbKYXwaWuWokdGA+BubLFi+TrwK7xpKr6XBw==
";
const PLAIN: &str = "\
log2025-1.rekor.sigstore.dev
412115
+8vUkEgBK/ansexBUomzocaWoPEmPIzxJC/y+xNMQN4=

— log2025-1.rekor.sigstore.dev zxGZFahCZ/+MqTjH4rC5MWcdLDWbpetE5l30RZfQc4BQkRjWSoKipEUPjvHENeZDHIlAsuezJcLzUVvItpNjaSRoMAs=
";

/// golang.org/x/mod, sumdb/note/note_test.go.
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETER_SEED: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const ENOCH: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n";
const PETER_LINE: &str = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const ENOCH_LINE: &str = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

fn key(text: &str) -> VerifyingKey {
    text.parse().unwrap()
}

fn signer() -> SigningKey {
    SigningKey::from_seed("agw/test", &[7; 32]).unwrap()
}

#[test]
fn checkpoints_of_a_public_log_are_opened() {
    let opened = key(REKOR).open(WITNESSED).unwrap();
    assert_eq!(opened.origin, "log2025-1.rekor.sigstore.dev");
    assert_eq!(opened.size, 139_911_860);
    assert_eq!(BASE64.encode(opened.root), "EliTHtnx44DhEBH+5qIXBtQsSpc54Avam7mIYEvxnTA=");
    assert_eq!(key(REKOR).open(PLAIN).unwrap().size, 412_115);
}

#[test]
fn notes_are_those_of_the_go_implementation() {
    let seed = BASE64.decode(PETER_SEED).unwrap();
    let peter = SigningKey::from_seed("PeterNeumann", seed[1..].try_into().unwrap()).unwrap();
    assert_eq!(peter.verifying().to_string(), PETER);
    assert_eq!(peter.sign_text(TEXT), format!("{TEXT}\n{PETER_LINE}"));
    let both = format!("{TEXT}\n{PETER_LINE}{ENOCH_LINE}");
    assert_eq!(key(PETER).signed_text(&both), Ok(TEXT));
    assert_eq!(key(ENOCH).signed_text(&both), Ok(TEXT));
    assert_eq!(key(PETER).open(&both), Err(NoteError::NoCheckpoint));
    // c2sp.org/signed-note, with a blank line in the text.
    let foo = key("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
    let note = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    assert_eq!(foo.signed_text(note), Ok("This is an example message.\n"));
}

#[test]
fn what_is_signed_opens_again() {
    for size in [0, 1, 255, u64::MAX] {
        let root = Sha256::digest(size.to_be_bytes()).into();
        let note = signer().sign(size, &root);
        let opened = signer().verifying().open(&note).unwrap();
        assert_eq!(opened, Checkpoint { origin: "agw/test".into(), size, root });
    }
    assert_eq!(format!("{:?}", signer()), "SigningKey(\"agw/test\", …)");
}

#[test]
fn any_changed_byte_of_a_note_is_noticed() {
    let mut note = signer().sign(1_311, &[9; 32]).into_bytes();
    let key = signer().verifying();
    for at in 0..note.len() {
        for bit in 0..8 {
            note[at] ^= 1 << bit;
            let opened = std::str::from_utf8(&note).map(|note| key.open(note));
            assert!(!matches!(opened, Ok(Ok(_))), "byte {at}, bit {bit}");
            note[at] ^= 1 << bit;
        }
    }
}

#[test]
fn malformed_notes_are_refused() {
    let key = key(PETER);
    let (text, line) = (TEXT, PETER_LINE);
    let garbled = line.replace("x08go", "x08g-");
    let not_canonical = line.replace("nAM=", "nAN=");
    let not_padded = line.replace("nAM=", "nAM");
    let witness = |line: &str| format!("{text}\n{PETER_LINE}{line}\n");
    for bad in [
        String::new(),
        "\n\n".to_owned(),
        text.to_owned(),
        format!("{text}\n"),
        format!("{text}{line}"),
        format!("{text}\n{}", line.trim_end()),
        format!("{text}\n{line}\n"),
        format!("{text}\n{line}more\n"),
        format!("{text}\n{garbled}"),
        format!("{text}\n{not_canonical}"),
        format!("{text}\n{not_padded}"),
        format!("{text}\r\n\r\n{line}"),
        format!("{text}\t\n{line}"),
        format!("{text}\n{}", line.replace('—', "-")),
        format!("{text}\n{}", line.replace("— ", "—  ")),
        format!("{text}\n{}", line.replace("\n", " \n")),
        witness("— two words AAAAAAAA"),
        witness("— a+b AAAAAAAA"),
        witness("— \u{a0} AAAAAAAA"),
        witness("— short AAAA"),
        witness("—  AAAAAAAA"),
        witness(&format!("— long {}", "A".repeat(NOTE_MAX))),
    ] {
        assert_eq!(key.signed_text(&bad), Err(NoteError::Malformed), "{bad:?}");
    }
    assert_eq!(key.signed_text(&witness("— other AAAAAAAA")), Ok(text));
}

#[test]
fn other_keys_and_bad_signatures_are_told_apart() {
    let peter = key(PETER);
    let only_enoch = format!("{TEXT}\n{ENOCH_LINE}");
    assert_eq!(peter.signed_text(&only_enoch), Err(NoteError::OtherKey));
    // The same name, another key.
    let namesake = SigningKey::from_seed("PeterNeumann", &[1; 32]).unwrap();
    assert_eq!(peter.signed_text(&namesake.sign_text(TEXT)), Err(NoteError::OtherKey));
    let note = format!("{TEXT}\n{PETER_LINE}");
    let changed = note.replace("your problem is", "my problem is");
    assert_eq!(peter.signed_text(&changed), Err(NoteError::Forged));
    // One that verifies does not make up for one that does not.
    let forged = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAQ=\n";
    assert_eq!(peter.signed_text(&format!("{note}{forged}")), Err(NoteError::Forged));
    assert_eq!(peter.signed_text(&format!("{note}{PETER_LINE}")), Ok(TEXT));
}

#[test]
fn a_signed_text_that_is_no_checkpoint_is_refused() {
    let root = BASE64.encode([9; 32]);
    let signer = signer();
    let open = |text: &str| signer.verifying().open(&signer.sign_text(text));
    assert!(open(&format!("agw/test\n12\n{root}\n")).is_ok());
    for bad in [
        "agw/test\n".to_owned(),
        "agw/test\n12\n".to_owned(),
        format!("agw/test\n12\n{root}\nextension\n"),
        format!("agw/test\n12\n{root}\n\n"),
        format!("agw/test\n\n12\n{root}\n"),
        format!("agw/test\n012\n{root}\n"),
        format!("agw/test\n+12\n{root}\n"),
        format!("agw/test\n-1\n{root}\n"),
        format!("agw/test\n\n{root}\n"),
        format!("agw/test\n18446744073709551616\n{root}\n"),
        format!("agw/test\n12\n{} \n", root),
        format!("agw/test\n12\n{}\n", BASE64.encode([9; 31])),
        format!("agw/test\n12\n{}\n", &root[..43]),
    ] {
        assert_eq!(open(&bad), Err(NoteError::NoCheckpoint), "{bad:?}");
    }
    assert_eq!(open(&format!("agw/best\n12\n{root}\n")), Err(NoteError::OtherOrigin));
}

#[test]
fn keys_are_read_strictly() {
    for text in [REKOR, PETER, ENOCH] {
        assert_eq!(key(text).to_string(), text);
        for at in 1..text.len() {
            assert!(text[at..].parse::<VerifyingKey>().is_err());
            assert!(text[..at].parse::<VerifyingKey>().is_err());
        }
        let mut bytes = text.as_bytes().to_vec();
        for at in 0..bytes.len() {
            bytes[at] += 1;
            assert!(std::str::from_utf8(&bytes).unwrap().parse::<VerifyingKey>().is_err());
            bytes[at] -= 1;
        }
    }
    // Longer, and of another algorithm, each with the hash that fits it.
    for bad in [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ] {
        assert_eq!(bad.parse::<VerifyingKey>(), Err(KeyError::Form));
    }
    for name in ["", "a b", "a+b", "a\nb", "a\u{2028}b", "\u{7f}"] {
        assert_eq!(SigningKey::from_seed(name, &[1; 32]).err(), Some(KeyError::Name), "{name:?}");
    }
}

#[test]
fn weak_and_oddly_written_keys_are_refused() {
    let vkey = |key: &[u8; 32]| {
        let hash = hex(&key_hash("weak", key));
        format!("weak+{hash}+{}", BASE64.encode([&[ED25519][..], key].concat()))
    };
    let number = |low: u8, rest: u8, high: u8| {
        let mut bytes = [rest; 32];
        (bytes[0], bytes[31]) = (low, high);
        bytes
    };
    // y = 1, 0 and -1, of orders 1, 4 and 2; and y = p + 3, 3 written oddly.
    for bad in
        [number(1, 0, 0), number(0, 0, 0), number(0xec, 0xff, 0x7f), number(0xed + 3, 0xff, 0x7f)]
    {
        assert_eq!(vkey(&bad).parse::<VerifyingKey>(), Err(KeyError::Form), "{bad:?}");
    }
    assert!(vkey(&number(3, 0, 0)).parse::<VerifyingKey>().is_ok(), "3 itself is one");
}
