//! Where the window was and how large: `window.json` in the data folder.
//!
//! The size is kept in logical pixels, so that it is as large on a display of
//! another scale; the place in those of the desktop. A place that no display
//! has any more is not gone back to.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tauri::{Monitor, PhysicalPosition, PhysicalSize, Window};
use tokio::time::sleep;

use crate::stored;

/// From the first of many moves to when the place is written.
const SETTLES: Duration = Duration::from_secs(1);
/// So much of the window must be on a display, in its pixels: enough to see
/// it and to take hold of it.
const SEEN: (i64, i64) = (160, 60);

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Placement {
    /// Logical pixels; without them the first size applies.
    pub(super) size: Option<(f64, f64)>,
    pub(super) position: Option<(i32, i32)>,
    pub(super) maximized: bool,
}

#[derive(Debug)]
pub(super) struct Placed {
    file: PathBuf,
    now: Mutex<Placement>,
    is_written: Mutex<bool>,
}

impl Placed {
    pub(super) fn read(file: PathBuf) -> Arc<Self> {
        let now = Mutex::new(stored::read(&file));
        Arc::new(Self { file, now, is_written: Mutex::new(true) })
    }

    pub(super) fn now(&self) -> Placement {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The person has moved or resized the window.
    pub(super) fn note(self: &Arc<Self>, window: &Window) {
        let Some(next) = after(self.now(), window) else { return };
        if next == self.now() {
            return;
        }
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = next;
        let mut is_written = self.is_written.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *is_written, false) {
            tauri::async_runtime::spawn(Arc::clone(self).write_soon());
        }
    }

    async fn write_soon(self: Arc<Self>) {
        sleep(SETTLES).await;
        *self.is_written.lock().unwrap_or_else(PoisonError::into_inner) = true;
        if let Err(error) = stored::write(&self.file, &self.now()) {
            tracing::warn!("cannot write {}: {error}", self.file.display());
        }
    }
}

/// Of a maximized window the place is kept that it goes back to. A minimized
/// one is nowhere.
fn after(before: Placement, window: &Window) -> Option<Placement> {
    if window.is_minimized().ok()? {
        return None;
    }
    if window.is_maximized().ok()? {
        return Some(Placement { maximized: true, ..before });
    }
    let size = window.inner_size().ok()?.to_logical::<f64>(window.scale_factor().ok()?);
    let at = window.outer_position().ok()?;
    let size = Some((size.width, size.height));
    Some(Placement { size, position: Some((at.x, at.y)), maximized: false })
}

/// The place, if enough of a window there can be seen on one of the displays.
pub(super) fn seen_on(
    displays: &[Monitor],
    position: Option<(i32, i32)>,
    size: (f64, f64),
) -> Option<PhysicalPosition<i32>> {
    let (x, y) = position?;
    let seen = displays.iter().any(|display| {
        let area = display.work_area();
        let size = tauri::LogicalSize::new(size.0, size.1).to_physical(display.scale_factor());
        overlaps((x, y), size, area.position, area.size)
    });
    seen.then_some(PhysicalPosition::new(x, y))
}

fn overlaps(
    at: (i32, i32),
    size: PhysicalSize<u32>,
    corner: PhysicalPosition<i32>,
    area: PhysicalSize<u32>,
) -> bool {
    let shared = |from: i32, length: u32, corner: i32, extent: u32| {
        let (from, corner) = (i64::from(from), i64::from(corner));
        let end = (from + i64::from(length)).min(corner + i64::from(extent));
        end - from.max(corner)
    };
    // The upper edge is where a window is taken hold of.
    shared(at.0, size.width, corner.x, area.width) >= SEEN.0
        && shared(at.1, size.height, corner.y, area.height) >= SEEN.1
        && at.1 >= corner.y - 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_not_put_where_nobody_sees_it() {
        let size = PhysicalSize::new(1280, 800);
        let on = |x, y| {
            let second = PhysicalPosition::new(1920, 0);
            let area = PhysicalSize::new(1920, 1040);
            overlaps((x, y), size, PhysicalPosition::new(0, 0), area)
                || overlaps((x, y), size, second, PhysicalSize::new(2560, 1400))
        };
        assert!(on(0, 0) && on(-1000, 100) && on(1900, 0) && on(4000, 1300));
        for (x, y) in [(-1200, 100), (4400, 0), (100, 1380), (2000, -600), (i32::MIN, i32::MAX)] {
            assert!(!on(x, y), "{x}, {y}");
        }
    }
}
