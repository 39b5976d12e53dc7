//! The icon: a drawing for each state, and how many calls wait on top of it.

use agw_api::ServiceState;
use tauri::image::Image;

use super::Shown;

/// In the icon's pixels, the badge included: what of the state's drawing makes
/// room for it, so that the two stay apart on any panel.
const BADGE_ROOM: i64 = 41;

/// Outline and colour both differ between them; see icons/source. With a badge
/// the drawing is smaller and in the upper left.
pub(super) fn icon(shown: Shown, waiting: Option<usize>) -> Image<'static> {
    let (alone, beside_badge) = drawings(shown);
    match waiting {
        None | Some(0) => alone,
        Some(count) => with_badge(&beside_badge, &badge(count)),
    }
}

fn drawings(shown: Shown) -> (Image<'static>, Image<'static>) {
    match shown {
        Shown::Running(ServiceState::Enforcing) => (
            tauri::include_image!("icons/tray-enforcing.png"),
            tauri::include_image!("icons/tray-enforcing-waiting.png"),
        ),
        Shown::Running(ServiceState::Paused) => (
            tauri::include_image!("icons/tray-paused.png"),
            tauri::include_image!("icons/tray-paused-waiting.png"),
        ),
        Shown::Running(ServiceState::Unrecorded) => (
            tauri::include_image!("icons/tray-unrecorded.png"),
            tauri::include_image!("icons/tray-unrecorded-waiting.png"),
        ),
        Shown::Running(ServiceState::Sealed | ServiceState::Unconfigured) => (
            tauri::include_image!("icons/tray-sealed.png"),
            tauri::include_image!("icons/tray-sealed-waiting.png"),
        ),
        Shown::NotAnswering | Shown::Stopped => (
            tauri::include_image!("icons/tray-stopped.png"),
            tauri::include_image!("icons/tray-stopped-waiting.png"),
        ),
    }
}

/// One digit is what can be read at this size.
fn badge(count: usize) -> Image<'static> {
    match count {
        0 | 1 => tauri::include_image!("icons/badge-1.png"),
        2 => tauri::include_image!("icons/badge-2.png"),
        3 => tauri::include_image!("icons/badge-3.png"),
        4 => tauri::include_image!("icons/badge-4.png"),
        5 => tauri::include_image!("icons/badge-5.png"),
        6 => tauri::include_image!("icons/badge-6.png"),
        7 => tauri::include_image!("icons/badge-7.png"),
        8 => tauri::include_image!("icons/badge-8.png"),
        9 => tauri::include_image!("icons/badge-9.png"),
        _ => tauri::include_image!("icons/badge-more.png"),
    }
}

/// The badge lies in the lower right corner of a picture of the same size.
fn with_badge(state: &Image<'_>, badge: &Image<'_>) -> Image<'static> {
    let (width, height) = (state.width(), state.height());
    let pixels = state.rgba().chunks_exact(4).zip(badge.rgba().chunks_exact(4));
    let rgba = pixels.zip(0_i64..).flat_map(|((below, above), at)| {
        let (x, y) = (at % i64::from(width.max(1)), at / i64::from(width.max(1)));
        let hidden = in_room(x - i64::from(width), y - i64::from(height));
        over(below, above, hidden)
    });
    Image::new_owned(rgba.collect(), width, height)
}

/// A rounded corner: a circle around the badge, and what is behind it.
fn in_room(from_right: i64, from_bottom: i64) -> bool {
    let half = BADGE_ROOM / 2;
    let (x, y) = ((from_right + half).min(0), (from_bottom + half).min(0));
    x * x + y * y < half * half
}

/// One pixel over another, neither of them premultiplied.
fn over(below: &[u8], above: &[u8], hidden: bool) -> [u8; 4] {
    let (&[r, g, b, a], &[ar, ag, ab, alpha]) = (below, above) else { return [0; 4] };
    let behind = if hidden { 0 } else { u32::from(a) };
    let alpha = u32::from(alpha);
    let share = behind * (255 - alpha) / 255;
    let sum = alpha + share;
    let mix = |above: u8, below: u8| {
        let mixed = (u32::from(above) * alpha + u32::from(below) * share) / sum.max(1);
        u8::try_from(mixed).unwrap_or(u8::MAX)
    };
    [mix(ar, r), mix(ag, g), mix(ab, b), u8::try_from(sum).unwrap_or(u8::MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [Shown; 7] = [
        Shown::Running(ServiceState::Enforcing),
        Shown::Running(ServiceState::Paused),
        Shown::Running(ServiceState::Unrecorded),
        Shown::Running(ServiceState::Sealed),
        Shown::Running(ServiceState::Unconfigured),
        Shown::NotAnswering,
        Shown::Stopped,
    ];

    #[test]
    fn only_enforcing_looks_like_enforcing() {
        let [enforcing, others @ ..] = STATES;
        for other in others {
            for waiting in [None, Some(3)] {
                let (other_icon, icon) = (icon(other, waiting), icon(enforcing, waiting));
                assert_ne!(other_icon.rgba(), icon.rgba(), "{other:?}");
            }
            assert_ne!(other.words(), enforcing.words());
        }
    }

    #[test]
    fn what_waits_is_seen_in_every_state_and_counted_to_nine() {
        for state in STATES {
            let plain = icon(state, None);
            assert_eq!(plain.rgba(), icon(state, Some(0)).rgba());
            let mut seen = vec![plain.rgba().to_vec()];
            for count in 1..=10 {
                let with = icon(state, Some(count));
                assert_eq!((with.width(), with.height()), (plain.width(), plain.height()));
                assert!(!seen.iter().any(|other| other == with.rgba()), "{state:?} {count}");
                seen.push(with.rgba().to_vec());
            }
            assert_eq!(icon(state, Some(10)).rgba(), icon(state, Some(500)).rgba());
        }
    }

    #[test]
    fn a_pixel_lies_over_another() {
        let (red, blue) = ([200, 0, 0, 255], [0, 0, 100, 255]);
        assert_eq!(over(&red, &blue, false), blue);
        assert_eq!(over(&red, &[0, 0, 0, 0], false), red);
        assert_eq!(over(&red, &[0, 0, 0, 0], true)[3], 0);
        assert_eq!(over(&red, &[0, 0, 100, 51], false), [160, 0, 20, 255]);
        assert_eq!(over(&[9, 9, 9, 0], &[0, 0, 100, 51], false), [0, 0, 100, 51]);
    }
}
