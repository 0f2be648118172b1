//! `usage.cost`: tokens and money by day, from what every answer noted when it was saved.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use store::{UsageQuery, UsageRow};
use wire::methods::usage::{Cost, CostParams, CostResult, CostTotals, DayCost};
use wire::{AgentId, ErrorShape};

use crate::rpc::{Cx, Table, unavailable};

const DEFAULT_DAYS: u32 = 30;
/// Ten years.
const MAX_DAYS: u32 = 3_660;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Adds this family's row.
pub(super) fn add(table: Table) -> Table {
    table.on::<Cost>(cost)
}

/// The sums of the last days, today among them; a day begins at the Gateway's local midnight.
async fn cost(cx: Cx, params: CostParams) -> Result<CostResult, ErrorShape> {
    let days = params.days.unwrap_or(DEFAULT_DAYS).clamp(1, MAX_DAYS);
    let now = base::now_ms();
    let offset = local_offset_ms(now);
    let today = (now + offset).div_euclid(DAY_MS);
    let query = UsageQuery {
        agent: params.agent_id.as_deref().map(AgentId::fold),
        since: Some((today - i64::from(days) + 1) * DAY_MS - offset),
        day_offset_ms: offset,
        ..UsageQuery::default()
    };
    let rows = cx.store.usage(&query).await.map_err(unavailable)?;
    let (daily, totals) = sums(&rows);
    Ok(CostResult { updated_at: now, days, daily, totals })
}

fn local_offset_ms(now_ms: i64) -> i64 {
    let now = Timestamp::from_millisecond(now_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    i64::from(TimeZone::system().to_offset(now).seconds()) * 1000
}

/// By day, and altogether.
fn sums(rows: &[UsageRow]) -> (Vec<DayCost>, CostTotals) {
    let (mut daily, mut totals) = (Vec::<DayCost>::new(), CostTotals::default());
    for row in rows {
        let date = date(row.day);
        add_row(&mut totals, row);
        match daily.last_mut().filter(|last| last.date == date) {
            Some(last) => add_row(&mut last.totals, row),
            None => {
                let mut first = DayCost { date, totals: CostTotals::default() };
                add_row(&mut first.totals, row);
                daily.push(first);
            }
        }
    }
    (daily, totals)
}

fn add_row(totals: &mut CostTotals, row: &UsageRow) {
    let used = &row.usage;
    totals.input += used.input;
    totals.output += used.output;
    totals.cache_read += used.cache_read;
    totals.cache_write += used.cache_write;
    totals.total_tokens += used.total_tokens;
    totals.missing_cost_entries += row.unpriced;
    if let Some(cost) = &used.cost {
        totals.total_cost += cost.total;
        totals.input_cost += cost.input;
        totals.output_cost += cost.output;
        totals.cache_read_cost += cost.cache_read;
        totals.cache_write_cost += cost.cache_write;
    }
}

/// The day with this number since 1970.
fn date(day: i64) -> String {
    let epoch = Date::constant(1970, 1, 1);
    let days = jiff::Span::new().try_days(day).ok();
    days.and_then(|days| epoch.checked_add(days).ok()).unwrap_or(epoch).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::SessionKey;
    use wire::message::{Cost, Usage};

    fn row(day: i64, input: u64, price: Option<f64>) -> UsageRow {
        let cost = price.map(|total| Cost { input: total, output: 0.0, cache_read: 0.0, cache_write: 0.0, total });
        let usage = Usage { input, output: 1, cache_read: 0, cache_write: 0, total_tokens: input + 1, cost };
        let session = SessionKey::from_store("agent:main:main");
        let unpriced = u64::from(price.is_none());
        UsageRow { day, session, provider: "p".into(), model: "m".into(), answers: 1, unpriced, usage }
    }

    /// an unknown price is counted, not taken for nothing.
    #[test]
    fn days_are_summed_and_unknown_prices_counted() {
        let (daily, totals) = sums(&[row(20_000, 10, Some(0.5)), row(20_000, 5, None), row(20_001, 1, Some(0.25))]);
        let dates: Vec<_> = daily.iter().map(|day| (day.date.as_str(), day.totals.input)).collect();
        assert_eq!(dates, [("2024-10-04", 15), ("2024-10-05", 1)]);
        assert_eq!((totals.total_tokens, totals.total_cost, totals.missing_cost_entries), (19, 0.75, 1));
    }
}
