//! One thing on a page, as a person would treat it.

use serde_json::{Value, json};

use super::tab::{Tab, returned};
use crate::commands::Refusal;

/// Puts what stands in a field under the next keys.
const SELECT_ALL: &str = "function() {
    this.focus();
    if (typeof this.select === 'function') this.select();
    else if (this.isContentEditable) getSelection().selectAllChildren(this);
}";
/// Chooses options by value or by what they show; all of them or none.
const CHOOSE: &str = "function(wanted) {
    if (!(this instanceof HTMLSelectElement)) throw new Error('it is no list of choices');
    const options = [...this.options];
    const found = wanted.map(want => options.find(o => o.value === want) ?? options.find(o => o.label.trim() === want));
    const missing = wanted.filter((_, at) => !found[at]);
    if (missing.length) throw new Error('it has no choice ' + missing.join(', '));
    for (const option of options) option.selected = found.includes(option);
    this.dispatchEvent(new Event('input', {bubbles: true}));
    this.dispatchEvent(new Event('change', {bubbles: true}));
    return [...this.selectedOptions].map(o => o.value);
}";

/// A thing on a page, held on to.
pub(super) struct Element<'t> {
    tab: &'t Tab,
    node: i64,
    object: String,
}

/// Where to point, in pixels of the window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// How a click is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Click<'a> {
    pub(super) button: &'a str,
    pub(super) count: u32,
    /// The keys held meanwhile, as bits.
    pub(super) modifiers: u8,
}

impl<'t> Element<'t> {
    /// What the last snapshot called `name`.
    ///
    /// # Errors
    /// That it is not there any more.
    pub(super) async fn find(tab: &'t Tab, name: &str) -> Result<Self, Refusal> {
        let node = tab.named(name)?;
        let gone = || Refusal::invalid(format!("ref: `{name}` is not on the page any more; take a new snapshot"));
        let found = tab.call("DOM.resolveNode", json!({"backendNodeId": node})).await.map_err(|_| gone())?;
        let object = found["object"]["objectId"].as_str().ok_or_else(gone)?.to_owned();
        Ok(Self { tab, node, object })
    }

    /// Calls a function of ours on it.
    pub(super) async fn run(&self, function: &str, arguments: &[Value]) -> Result<Value, Refusal> {
        let arguments: Vec<Value> = arguments.iter().map(|value| json!({"value": value})).collect();
        let params = json!({
            "functionDeclaration": function, "objectId": self.object, "arguments": arguments, "returnByValue": true,
            "awaitPromise": true, "userGesture": true,
        });
        returned(self.tab.call("Runtime.callFunctionOn", params).await?)
    }

    /// The middle of it, which is made to be seen.
    pub(super) async fn point(&self) -> Result<Point, Refusal> {
        let node = json!({"backendNodeId": self.node});
        // What cannot be scrolled to may be in sight all the same.
        let _in_sight_or_not = self.tab.call("DOM.scrollIntoViewIfNeeded", node.clone()).await;
        let quads = self.tab.call("DOM.getContentQuads", node).await;
        let middle = quads.ok().and_then(|answer| middle(&answer["quads"]));
        middle.ok_or_else(|| Refusal::invalid("ref: what it stands for is not to be seen on the page"))
    }

    /// The frame of it in the whole page, for a picture.
    pub(super) async fn frame(&self) -> Result<Value, Refusal> {
        self.point().await?;
        let frame = "function() {
            const r = this.getBoundingClientRect();
            return {x: r.x + scrollX, y: r.y + scrollY, width: r.width, height: r.height, scale: 1};
        }";
        self.run(frame, &[]).await
    }

    pub(super) async fn hover(&self) -> Result<(), Refusal> {
        let at = self.point().await?;
        mouse(self.tab, "mouseMoved", at, &json!({})).await
    }

    pub(super) async fn click(&self, how: Click<'_>) -> Result<(), Refusal> {
        click_at(self.tab, self.point().await?, how).await
    }

    /// Puts `text` in place of what stands in it.
    pub(super) async fn fill(&self, text: &str) -> Result<(), Refusal> {
        self.run(SELECT_ALL, &[]).await?;
        if text.is_empty() {
            return super::keys::press(self.tab, "Backspace").await;
        }
        self.tab.call("Input.insertText", json!({"text": text})).await.map(drop)
    }

    /// The same key by key, for pages that listen to keys.
    pub(super) async fn fill_slowly(&self, text: &str) -> Result<(), Refusal> {
        self.run(SELECT_ALL, &[]).await?;
        for c in text.chars() {
            super::keys::strike(self.tab, c).await?;
        }
        Ok(())
    }

    /// Makes a box or a switch stand as is wanted.
    pub(super) async fn set_checked(&self, wanted: bool) -> Result<(), Refusal> {
        let state =
            self.run("function() { return this.checked ?? this.getAttribute('aria-checked') === 'true'; }", &[]);
        if state.await? == json!(wanted) {
            return Ok(());
        }
        self.click(Click { button: "left", count: 1, modifiers: 0 }).await
    }

    pub(super) async fn choose(&self, values: &[String]) -> Result<Value, Refusal> {
        self.run(CHOOSE, &[json!(values)]).await
    }
}

/// Clicks there, whatever is there.
pub(super) async fn click_at(tab: &Tab, at: Point, how: Click<'_>) -> Result<(), Refusal> {
    mouse(tab, "mouseMoved", at, &json!({"modifiers": how.modifiers})).await?;
    for count in 1..=how.count {
        let about = json!({"button": how.button, "clickCount": count, "modifiers": how.modifiers});
        mouse(tab, "mousePressed", at, &about).await?;
        mouse(tab, "mouseReleased", at, &about).await?;
    }
    Ok(())
}

/// Moves the mouse, or presses its button.
pub(super) async fn mouse(tab: &Tab, kind: &str, at: Point, about: &Value) -> Result<(), Refusal> {
    let mut params = json!({"type": kind, "x": at.x, "y": at.y});
    if let (Some(params), Some(about)) = (params.as_object_mut(), about.as_object()) {
        params.extend(about.clone());
    }
    tab.call("Input.dispatchMouseEvent", params).await.map(drop)
}

/// The middle of the first part that has a size.
fn middle(quads: &Value) -> Option<Point> {
    quads.as_array()?.iter().find_map(|quad| {
        let corners: Vec<f64> = quad.as_array()?.iter().filter_map(Value::as_f64).collect();
        let [x1, y1, x2, y2, x3, y3, x4, y4] = corners.try_into().ok()?;
        let area = (x1 * y2 - x2 * y1 + x2 * y3 - x3 * y2 + x3 * y4 - x4 * y3 + x4 * y1 - x1 * y4).abs() / 2.0;
        (area >= 1.0).then_some(Point { x: (x1 + x2 + x3 + x4) / 4.0, y: (y1 + y2 + y3 + y4) / 4.0 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_click_goes_to_the_middle_of_what_can_be_seen() {
        let quads = json!([[5, 5, 5, 5, 5, 5, 5, 5], [10, 20, 30, 20, 30, 40, 10, 40]]);
        assert_eq!(middle(&quads), Some(Point { x: 20.0, y: 30.0 }));
        assert_eq!(middle(&json!([])), None);
        assert_eq!(middle(&json!([[1, 2]])), None);
    }
}
