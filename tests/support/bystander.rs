//! Somebody on this machine whom nobody has any business with.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::net::TcpListener;

/// Counts who connects to it, and answers nobody.
pub struct Bystander {
    pub port: u16,
    seen: Arc<AtomicUsize>,
}

impl Bystander {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&seen);
        tokio::spawn(async move {
            loop {
                let _ = listener.accept().await;
                counter.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { port, seen }
    }

    pub fn assert_unseen(&self) {
        assert_eq!(self.seen.load(Ordering::SeqCst), 0, "somebody came by");
    }
}
