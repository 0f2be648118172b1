//! What was used and what it cost.

use serde::{Deserialize, Serialize};

use super::Method;

/// `usage.cost`
#[derive(Debug)]
pub struct Cost;

impl Method for Cost {
    const NAME: &'static str = "usage.cost";
    type Params = CostParams;
    type Result = CostResult;
}

/// Which days.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CostParams {
    /// How many, today among them; 30 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    /// Of this agent only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
}

/// Sums over some days.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CostResult {
    /// When they were made.
    pub updated_at: i64,
    /// How many days were looked at.
    pub days: u32,
    /// The days with any use, oldest first.
    pub daily: Vec<DayCost>,
    /// All of them.
    pub totals: CostTotals,
}

/// The sums of one day.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DayCost {
    /// `2026-01-31`, as the Gateway's clock has it.
    pub date: String,
    /// The sums.
    #[serde(flatten)]
    pub totals: CostTotals,
}

/// Tokens and money.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CostTotals {
    /// Tokens read, without the cached ones.
    pub input: u64,
    /// Tokens written.
    pub output: u64,
    /// Tokens read from caches.
    pub cache_read: u64,
    /// Tokens written to caches.
    pub cache_write: u64,
    /// All of them.
    pub total_tokens: u64,
    /// What is known of the cost, in the currency of the catalog.
    pub total_cost: f64,
    /// Of the tokens read.
    pub input_cost: f64,
    /// Of the tokens written.
    pub output_cost: f64,
    /// Of the cached tokens read.
    pub cache_read_cost: f64,
    /// Of the tokens cached.
    pub cache_write_cost: f64,
    /// Answers whose price is not known; they are not in the cost.
    pub missing_cost_entries: u64,
}
