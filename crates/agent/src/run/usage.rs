//! Tokens and what they cost.

use wire::message::{Cost, Usage};

/// Prices per million tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Price {
    /// Read.
    pub input: f64,
    /// Written.
    pub output: f64,
    /// Read from the vendor's cache.
    pub cache_read: f64,
    /// Written to the vendor's cache.
    pub cache_write: f64,
}

impl Price {
    /// `usage` with its cost. A vendor that gave no total gets the sum.
    pub fn of(price: Option<Self>, mut usage: Usage) -> Usage {
        if usage.total_tokens == 0 {
            usage.total_tokens = usage.input + usage.output + usage.cache_read + usage.cache_write;
        }
        usage.cost = price.map(|price| price.cost(&usage));
        usage
    }

    fn cost(self, usage: &Usage) -> Cost {
        // Token counts stay far below 2^52, so nothing is lost.
        #[expect(clippy::cast_precision_loss, reason = "see above")]
        let cost = |tokens: u64, price: f64| tokens as f64 * price / 1_000_000.0;
        let (input, output) = (cost(usage.input, self.input), cost(usage.output, self.output));
        let cache_read = cost(usage.cache_read, self.cache_read);
        let cache_write = cost(usage.cache_write, self.cache_write);
        Cost { input, output, cache_read, cache_write, total: input + output + cache_read + cache_write }
    }
}

/// Adds one call's usage to a sum. The sum has a cost only while every part with tokens has one.
pub fn add(sum: &mut Usage, part: &Usage) {
    if *part == Usage::default() {
        return;
    }
    sum.cost = match (sum.cost, part.cost) {
        _ if sum.total_tokens == 0 => part.cost,
        (Some(a), Some(b)) => Some(Cost {
            input: a.input + b.input,
            output: a.output + b.output,
            cache_read: a.cache_read + b.cache_read,
            cache_write: a.cache_write + b.cache_write,
            total: a.total + b.total,
        }),
        _ => None,
    };
    sum.input += part.input;
    sum.output += part.output;
    sum.cache_read += part.cache_read;
    sum.cache_write += part.cache_write;
    sum.total_tokens += part.total_tokens;
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRICE: Price = Price { input: 2.0, output: 8.0, cache_read: 0.5, cache_write: 1.0 };

    fn usage(input: u64, output: u64) -> Usage {
        Usage { input, output, ..Usage::default() }
    }

    ///
    #[test]
    fn cost_comes_from_the_price_and_is_absent_without_one() {
        let priced = Price::of(Some(PRICE), usage(1_000_000, 500_000));
        assert_eq!(priced.cost.unwrap().total, 6.0);
        assert_eq!(priced.total_tokens, 1_500_000);
        assert_eq!(Price::of(None, usage(5, 5)).cost, None);
    }

    ///
    #[test]
    fn a_sum_with_an_unknown_part_has_no_cost() {
        let mut sum = Usage::default();
        add(&mut sum, &Price::of(Some(PRICE), usage(1_000_000, 0)));
        add(&mut sum, &Price::of(Some(PRICE), usage(1_000_000, 0)));
        assert_eq!((sum.input, sum.cost.unwrap().total), (2_000_000, 4.0));
        add(&mut sum, &Usage::default());
        assert!(sum.cost.is_some(), "a call that counted nothing changes nothing");
        add(&mut sum, &Price::of(None, usage(1, 1)));
        assert_eq!((sum.total_tokens, sum.cost), (2_000_002, None));
    }
}
