//! A database on the other side of a network that nobody needs to trust.

use mingjian::sequencer::SharedLedger as _;
use mingjian::sim::World;
use mingjian::store::Postgres;

use crate::servers::Postgres as Server;

#[test]
fn the_way_to_the_database_is_encrypted_and_the_server_is_who_it_says() {
    let server = Server::start();
    let url = server.database("far");
    let authority = server.demand_tls();
    let at = |url: &str, mode: &str| Postgres::open(&format!("{url}?sslmode={mode}"), None, 3);
    let trusted = format!("verify-full&sslrootcert={}", authority.display());

    // Everything goes that way: requests, the lease, the journal.
    let postgres = at(&url, &trusted).unwrap();
    let mut ledger = postgres.ledger("main", "node", "127.0.0.1:1").unwrap();
    let tenure = ledger.take_lease(0).unwrap();
    let sequencer = World::new(1).start(ledger.journal(tenure.epoch).unwrap()).unwrap();
    let ours = "FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'mingjian'";
    assert_eq!(server.run("far", &format!("SELECT count(*) >= 3, bool_and(ssl) {ours}")), "t|t");
    sequencer.shutdown();

    // Neither in the clear, nor under another authority, nor to a server of another name.
    let refused = |url: &str, mode: &str| at(url, mode).err().expect("a refusal").to_string();
    assert!(refused(&url, "disable").contains("no encryption"));
    let other = Server::start();
    let stranger = format!("verify-full&sslrootcert={}", other.demand_tls().display());
    assert!(refused(&url, &stranger).contains("certificate verify failed"));
    assert!(refused(&url.replace("127.0.0.1", "localhost"), &trusted).contains("does not match host name"));
}
