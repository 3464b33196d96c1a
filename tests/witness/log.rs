//! A log in memory, and one that is served over HTTP as C2SP tlog-tiles says.

use std::sync::{Arc, Mutex};

use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use mingjian::base::Hash;
use mingjian::ledger::note::SignatureType;
use mingjian::ledger::tile::{FullTile, Tile, TileKind, TiledTree, tile_bytes};
use mingjian::ledger::tree::consistency_proof;
use mingjian::ledger::{
    AddCheckpoint, Checkpoint, Frontier, Origin, SeedSigner, SignedCheckpoint, Signer as _, TileBuilder, TilePath,
    VerifierKey,
};
use mingjian::witness::Log;

pub const ORIGIN: &str = "ledger.mingjiang.example/trade";

/// Leaves `0..size`, of which those from `fork` on are another history's.
#[derive(Clone)]
pub struct Book {
    builder: TileBuilder,
    full: Vec<FullTile>,
}

impl Book {
    pub fn of(size: u64, fork: u64) -> Self {
        let (mut builder, mut full) = (TileBuilder::new(), Vec::new());
        for seq in 0..size {
            let history = if seq < fork { "one" } else { "other" };
            full.extend(builder.append(Hash::of(format!("{history} {seq}").as_bytes())));
        }
        Self { builder, full }
    }

    fn full_tile(&self, level: u8, index: u64) -> Result<Vec<u8>, String> {
        let found = self.full.iter().find(|tile| (tile.level, tile.index) == (level, index));
        found.map(|tile| tile.bytes.clone()).ok_or_else(|| format!("no tile {level}/{index}"))
    }

    fn with<R>(
        &self,
        work: impl FnOnce(&TiledTree<'_, Box<dyn Fn(u8, u64) -> Result<Arc<Tile>, String> + '_>>) -> R,
    ) -> R {
        let full_tile = |level, index| {
            let tile = Tile::full(&self.full_tile(level, index)?);
            tile.map(Arc::new).ok_or_else(|| format!("tile {level}/{index} is not full"))
        };
        work(&TiledTree { builder: &self.builder, full_tile: Box::new(full_tile) })
    }

    pub fn root(&self, size: u64) -> Hash {
        self.with(|tree| Frontier::read(tree, size)).unwrap().root()
    }

    pub fn consistency(&self, old: u64, new: u64) -> Vec<Hash> {
        self.with(|tree| consistency_proof(tree, old, new)).unwrap()
    }

    pub fn checkpoint(&self, size: u64) -> SignedCheckpoint {
        Checkpoint { origin: origin(), size, root: self.root(size) }.sign(&signer()).unwrap()
    }

    pub fn request(&self, old: u64, new: u64) -> AddCheckpoint {
        let note = self.checkpoint(new).note().clone();
        AddCheckpoint { old, proof: self.consistency(old, new), head: note.text().parse().unwrap(), note }
    }

    fn tile(&self, path: TilePath) -> Option<Vec<u8>> {
        let TileKind::Hashes(level) = path.kind else { return None };
        if let Ok(full) = self.full_tile(level, path.index) {
            return full.get(..usize::from(path.width) * 32).map(<[u8]>::to_vec);
        }
        let (index, partial) = self.builder.partial(level)?;
        (index == path.index).then_some(())?;
        partial.hashes().get(..usize::from(path.width)).map(tile_bytes)
    }
}

pub fn origin() -> Origin {
    Origin::new(ORIGIN).unwrap()
}

pub fn signer() -> SeedSigner {
    SeedSigner::new(&Hash::of(b"log").0)
}

pub fn key() -> VerifierKey {
    VerifierKey::new(ORIGIN, SignatureType::Ed25519, signer().public()).unwrap()
}

pub fn log(url: Option<String>) -> Log {
    Log { origin: ORIGIN.into(), keys: vec![key()], url }
}

/// What a server shows; a test changes it at will.
#[derive(Clone)]
pub struct Shown {
    pub book: Book,
    pub checkpoint: String,
}

impl Shown {
    pub fn of(book: &Book, size: u64) -> Self {
        Self { book: book.clone(), checkpoint: book.checkpoint(size).to_string() }
    }
}

pub struct ServedLog {
    pub url: String,
    pub shown: Arc<Mutex<Shown>>,
    handle: actix_web::dev::ServerHandle,
}

impl ServedLog {
    pub fn start(shown: Shown) -> Self {
        let shown = Arc::new(Mutex::new(shown));
        let data = Data::from(Arc::clone(&shown));
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    App::new()
                        .app_data(data.clone())
                        .route("/checkpoint", web::get().to(checkpoint))
                        .route("/tile/{path:.*}", web::get().to(tile))
                })
                .workers(1)
                .disable_signals()
                .bind("127.0.0.1:0")
                .unwrap();
                let address = server.addrs()[0];
                let server = server.run();
                tell.send((address, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, handle) = told.recv().unwrap();
        Self { url: format!("http://{address}"), shown, handle }
    }

    pub fn show(&self, shown: Shown) {
        *self.shown.lock().unwrap() = shown;
    }
}

impl Drop for ServedLog {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

async fn checkpoint(shown: Data<Mutex<Shown>>) -> HttpResponse {
    HttpResponse::Ok().body(shown.lock().unwrap().checkpoint.clone())
}

async fn tile(shown: Data<Mutex<Shown>>, path: web::Path<String>) -> HttpResponse {
    let tile = format!("tile/{path}").parse().ok().and_then(|path| shown.lock().unwrap().book.tile(path));
    tile.map_or_else(|| HttpResponse::NotFound().finish(), |bytes| HttpResponse::Ok().body(bytes))
}
