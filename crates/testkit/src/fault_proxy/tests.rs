use std::{io::ErrorKind, time::Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;

const ANSWER: &[u8] = b"an answer of some length";
const LIMIT: Duration = Duration::from_secs(5);

/// A service that answers each request with the same bytes, and counts what it was asked.
async fn service() -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicU64::new(0));
    let counter = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let counter = counter.clone();
            tokio::spawn(async move {
                let mut bytes = [0; 64];
                while stream.read(&mut bytes).await.is_ok_and(|count| count > 0) {
                    counter.fetch_add(1, Ordering::SeqCst);
                    let _ = stream.write_all(ANSWER).await;
                }
            });
        }
    });
    (address, asked)
}

struct Exchange {
    proxy: FaultProxy,
    asked: Arc<AtomicU64>,
    client: TcpStream,
}

impl Exchange {
    async fn open() -> Self {
        let (address, asked) = service().await;
        let proxy = FaultProxy::before(address).await.unwrap();
        let client = TcpStream::connect(proxy.address()).await.unwrap();
        let mut exchange = Self { proxy, asked, client };
        assert_eq!(exchange.ask().await.unwrap(), ANSWER);
        exchange
    }

    async fn ask(&mut self) -> std::io::Result<Vec<u8>> {
        self.client.write_all(b"a request").await?;
        let mut bytes = vec![0; 64];
        let count = tokio::time::timeout(LIMIT, self.client.read(&mut bytes)).await??;
        bytes.truncate(count);
        Ok(bytes)
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn before_during_and_after_differ_in_what_either_side_has_seen() {
    for (moment, seen_by_service, seen_by_client) in
        [(Moment::Before, 1, false), (Moment::During, 2, false), (Moment::After, 2, true)]
    {
        let mut exchange = Exchange::open().await;
        exchange.proxy.switch(Plan::always(Fault::Reset, moment));
        let answer = exchange.ask().await;
        if seen_by_client {
            assert_eq!(answer.unwrap(), ANSWER, "{moment:?}");
            assert!(exchange.ask().await.is_err(), "{moment:?}: the connection is gone");
        } else {
            assert_eq!(answer.unwrap_err().kind(), ErrorKind::ConnectionReset, "{moment:?}");
        }
        assert_eq!(exchange.asked(), seen_by_service, "{moment:?}");
        assert_eq!(exchange.proxy.struck(), 1);
    }
}

#[tokio::test]
async fn a_truncated_answer_ends_in_order_after_so_many_bytes_and_is_never_whole() {
    for (after, seen) in [(4, &ANSWER[..4]), (1000, &ANSWER[..ANSWER.len() - 1])] {
        let mut exchange = Exchange::open().await;
        exchange.proxy.switch(Plan::always(Fault::Truncate(after), Moment::During));
        assert_eq!(exchange.ask().await.unwrap(), seen);
        assert_eq!(exchange.client.read(&mut [0; 8]).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_delay_passes_and_a_stall_lasts_until_the_plan_changes() {
    let mut exchange = Exchange::open().await;
    exchange.proxy.switch(Plan::always(Fault::Delay(Duration::from_millis(150)), Moment::During));
    let started = Instant::now();
    assert_eq!(exchange.ask().await.unwrap(), ANSWER);
    assert!(started.elapsed() >= Duration::from_millis(150));

    exchange.proxy.switch(Plan::always(Fault::Stall, Moment::Before));
    let waiting = tokio::time::timeout(Duration::from_millis(200), exchange.ask()).await;
    assert!(waiting.is_err());
    assert_eq!(exchange.asked(), 2);
    exchange.proxy.heal();
    let mut bytes = [0; 64];
    let count = tokio::time::timeout(LIMIT, exchange.client.read(&mut bytes)).await.unwrap().unwrap();
    assert_eq!(&bytes[..count], ANSWER);
}

#[tokio::test]
async fn a_black_hole_stays_black_when_the_plan_is_over_and_new_connections_are_well() {
    let mut exchange = Exchange::open().await;
    exchange.proxy.switch(Plan::always(Fault::BlackHole, Moment::Before));
    assert!(tokio::time::timeout(Duration::from_millis(200), exchange.ask()).await.is_err());
    exchange.proxy.heal();
    assert!(tokio::time::timeout(Duration::from_millis(200), exchange.ask()).await.is_err());
    assert_eq!(exchange.asked(), 1, "the service heard nothing");
    exchange.client = TcpStream::connect(exchange.proxy.address()).await.unwrap();
    assert_eq!(exchange.ask().await.unwrap(), ANSWER);
}

#[tokio::test]
async fn refusing_cuts_what_there_is_and_lets_nothing_in_until_it_is_healed() {
    let mut exchange = Exchange::open().await;
    exchange.proxy.switch(Plan::always(Fault::Refuse, Moment::Before));
    let cut = tokio::time::timeout(LIMIT, exchange.client.read(&mut [0; 8])).await.unwrap();
    assert_eq!(cut.unwrap_err().kind(), ErrorKind::ConnectionReset);
    let refused = TcpStream::connect(exchange.proxy.address()).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    exchange.proxy.heal_and_wait().await;
    exchange.client = TcpStream::connect(exchange.proxy.address()).await.unwrap();
    assert_eq!(exchange.ask().await.unwrap(), ANSWER);
}

#[tokio::test]
async fn equal_seeds_strike_at_the_same_requests_and_others_elsewhere() {
    let mut seen = Vec::new();
    for seed in [7, 7, 8] {
        let mut exchange = Exchange::open().await;
        let fault = Fault::Delay(Duration::from_millis(1));
        exchange.proxy.switch(Plan { fault, moment: Moment::Before, chance: 0.5, seed });
        let mut struck = Vec::new();
        for _ in 0..64 {
            let before = exchange.proxy.struck();
            exchange.ask().await.unwrap();
            struck.push(exchange.proxy.struck() > before);
        }
        assert!((16..48).contains(&struck.iter().filter(|struck| **struck).count()), "{struck:?}");
        seen.push(struck);
    }
    assert_eq!(seen[0], seen[1]);
    assert_ne!(seen[0], seen[2]);
}

#[tokio::test]
async fn a_service_that_is_not_there_is_not_there_through_the_proxy() {
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, crate::free_port().unwrap()));
    let proxy = FaultProxy::before(nobody).await.unwrap();
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    let ended = tokio::time::timeout(LIMIT, client.read(&mut [0; 8])).await.unwrap();
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn silence_is_for_connections_that_are_there_idle_ones_too() {
    let mut exchange = Exchange::open().await;
    exchange.proxy.silence();
    let silent = tokio::time::timeout(Duration::from_millis(200), exchange.ask()).await;
    assert!(silent.is_err(), "{silent:?}");
    exchange.client = TcpStream::connect(exchange.proxy.address()).await.unwrap();
    assert_eq!(exchange.ask().await.unwrap(), ANSWER);
}
