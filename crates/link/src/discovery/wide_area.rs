//! Wide-area DNS-SD: the peers of a tailnet are asked for the zone, a few at a time, and whoever knows it is asked for
//! the rest (DISC-9).

use std::net::IpAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::proto::rr::{RData, RecordType};
use wire::discovery::SERVICE_TYPE;

use super::beacon::{Beacon, Heard, decoded};

/// At most this many peers are asked.
const MOST_SERVERS: usize = 40;
/// This many at once.
const AT_ONCE: usize = 6;
/// Each has this long to know the zone.
const PATIENCE: Duration = Duration::from_millis(250);

/// The Gateways of `domain`, from the first of `servers` that knows it.
pub(super) async fn ask(domain: &str, servers: &[IpAddr], timeout: Duration) -> Vec<Beacon> {
    let domain = domain.trim_end_matches('.');
    let pointer = format!("{SERVICE_TYPE}.{domain}.");
    let asked = servers.iter().take(MOST_SERVERS).map(|server| {
        let pointer = pointer.clone();
        async move {
            let resolver = resolver(*server)?;
            let names = tokio::time::timeout(PATIENCE, instances(&resolver, &pointer)).await.ok()?;
            (!names.is_empty()).then_some((resolver, names))
        }
    });
    let search = async {
        let mut answers = futures_util::stream::iter(asked).buffer_unordered(AT_ONCE);
        while let Some(answer) = answers.next().await {
            let Some((resolver, names)) = answer else { continue };
            let details = names.iter().map(|name| details(&resolver, name, domain));
            return futures_util::future::join_all(details).await;
        }
        Vec::new()
    };
    tokio::time::timeout(timeout, search).await.unwrap_or_default()
}

fn resolver(server: IpAddr) -> Option<TokioResolver> {
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![NameServerConfig::udp(server)]);
    let mut builder = TokioResolver::builder_with_config(config, <_>::default());
    let options = builder.options_mut();
    options.timeout = PATIENCE;
    options.attempts = 1;
    builder.build().ok()
}

async fn instances(resolver: &TokioResolver, pointer: &str) -> Vec<String> {
    let Ok(answer) = resolver.lookup(pointer, RecordType::PTR).await else { return Vec::new() };
    let names = answer.answers().iter().filter_map(|record| match &record.data {
        RData::PTR(name) => Some(name.to_ascii()),
        _ => None,
    });
    names.collect()
}

async fn details(resolver: &TokioResolver, name: &str, domain: &str) -> Beacon {
    let service = format!(".{SERVICE_TYPE}.");
    let end = name.find(&service).unwrap_or(name.len());
    let mut heard = Heard { instance: decoded(&name[..end]), domain: format!("{domain}."), ..Heard::default() };
    if let Ok(answer) = resolver.lookup(name, RecordType::SRV).await {
        heard.resolved = answer.answers().iter().find_map(|record| match &record.data {
            RData::SRV(srv) => Some((srv.target.to_ascii().trim_end_matches('.').to_owned(), srv.port)),
            _ => None,
        });
    }
    if let Some((host, _)) = &heard.resolved
        && let Ok(answer) = resolver.lookup_ip(format!("{host}.")).await
    {
        heard.address = answer.iter().next().map(|address| address.to_string());
    }
    if let Ok(answer) = resolver.lookup(name, RecordType::TXT).await {
        for record in answer.answers() {
            let RData::TXT(txt) = &record.data else { continue };
            let texts = txt.txt_data.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            heard.txt.extend(
                texts.filter_map(|text| text.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()))),
            );
        }
    }
    heard.into()
}
