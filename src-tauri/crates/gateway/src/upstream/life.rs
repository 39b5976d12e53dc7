//! What belongs to one life of an upstream, from its start to its end.

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Tasks and child processes that end with it.
#[derive(Debug, Clone, Default)]
pub(super) struct Life {
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
}

impl Life {
    /// Ends everything and waits until it is gone.
    pub(super) async fn end(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Runs something until the end.
    pub(super) fn run(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = work => {}
                () = stop.cancelled() => {}
            }
        });
    }
}
