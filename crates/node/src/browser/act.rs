//! What a person would do on a page: `POST /act` with a `kind`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::element::{Click, Element, Point, click_at, mouse};
use super::session::Session;
use super::tab::Tab;
use super::wait::{self, For};
use super::{keys, pages};
use crate::commands::Refusal;

/// Longest value an evaluation may have, as JSON in characters: it is measured on the page.
const VALUE_MAX_CHARS: usize = 1_000_000;

/// One thing to do.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Act {
    Click {
        r#ref: String,
        #[serde(default)]
        double_click: bool,
        button: Option<String>,
        #[serde(default)]
        modifiers: Vec<String>,
    },
    Type {
        r#ref: String,
        text: String,
        #[serde(default)]
        submit: bool,
        #[serde(default)]
        slowly: bool,
    },
    Press {
        key: String,
    },
    Hover {
        r#ref: String,
    },
    ScrollIntoView {
        r#ref: String,
    },
    ClickCoords {
        x: f64,
        y: f64,
    },
    Drag {
        start_ref: String,
        end_ref: String,
    },
    Select {
        r#ref: String,
        values: Vec<String>,
    },
    Fill {
        fields: Vec<Field>,
    },
    Resize {
        width: u32,
        height: u32,
    },
    Wait(For),
    Evaluate {
        r#fn: String,
        r#ref: Option<String>,
    },
    Close,
}

/// A field of a form and what goes into it.
#[derive(Debug, Deserialize)]
pub(super) struct Field {
    r#ref: String,
    #[serde(default)]
    r#type: String,
    value: Value,
}

impl Act {
    /// Whether it has code of the caller's own.
    pub(super) const fn has_code(&self) -> bool {
        match self {
            Self::Evaluate { .. } => true,
            Self::Wait(what) => what.has_code(),
            _ => false,
        }
    }
}

/// Does it.
///
/// # Errors
/// That it is not there, or the page says no.
pub(super) async fn act(session: &Session, tab: &Tab, act: Act) -> Result<Value, Refusal> {
    let mut told = json!({"ok": true, "targetId": tab.id()});
    match act {
        Act::Click { r#ref, double_click, button, modifiers } => {
            let button = button.as_deref().unwrap_or("left");
            if !matches!(button, "left" | "right" | "middle") {
                return Err(Refusal::invalid(format!("button: `{button}` is none of left, right, middle")));
            }
            let how = Click { button, count: if double_click { 2 } else { 1 }, modifiers: keys::bits(&modifiers)? };
            Element::find(tab, &r#ref).await?.click(how).await?;
            wait::settled(tab).await;
        }
        Act::Type { r#ref, text, submit, slowly } => {
            let field = Element::find(tab, &r#ref).await?;
            match slowly {
                true => field.fill_slowly(&text).await?,
                false => field.fill(&text).await?,
            }
            if submit {
                keys::press(tab, "Enter").await?;
                wait::settled(tab).await;
            }
        }
        Act::Press { key } => {
            keys::press(tab, &key).await?;
            wait::settled(tab).await;
        }
        Act::Hover { r#ref } => Element::find(tab, &r#ref).await?.hover().await?,
        Act::ScrollIntoView { r#ref } => drop(Element::find(tab, &r#ref).await?.point().await?),
        Act::ClickCoords { x, y } => {
            click_at(tab, Point { x, y }, Click { button: "left", count: 1, modifiers: 0 }).await?;
            wait::settled(tab).await;
        }
        Act::Drag { start_ref, end_ref } => drag(tab, &start_ref, &end_ref).await?,
        Act::Select { r#ref, values } => told["selected"] = Element::find(tab, &r#ref).await?.choose(&values).await?,
        Act::Fill { fields } => fill(tab, &fields).await?,
        Act::Resize { width, height } => pages::resize(tab, width, height).await?,
        Act::Wait(what) => wait::wait(tab, &what).await?,
        Act::Evaluate { r#fn, r#ref } => told["result"] = evaluate(tab, &r#fn, r#ref.as_deref()).await?,
        Act::Close => {
            session.close(tab.id()).await?;
            return Ok(told);
        }
    }
    told["url"] = json!(tab.url().await?);
    Ok(told)
}

async fn drag(tab: &Tab, from: &str, to: &str) -> Result<(), Refusal> {
    let (from, to) = (Element::find(tab, from).await?, Element::find(tab, to).await?);
    let start = from.point().await?;
    let held = json!({"button": "left", "clickCount": 1});
    mouse(tab, "mouseMoved", start, &json!({})).await?;
    mouse(tab, "mousePressed", start, &held).await?;
    let end = to.point().await?;
    mouse(tab, "mouseMoved", end, &json!({"button": "left"})).await?;
    mouse(tab, "mouseReleased", end, &held).await
}

async fn fill(tab: &Tab, fields: &[Field]) -> Result<(), Refusal> {
    for field in fields {
        let element = Element::find(tab, &field.r#ref).await?;
        match (field.r#type.as_str(), &field.value) {
            ("checkbox" | "radio" | "switch", value) => element.set_checked(value == &json!(true)).await?,
            (_, Value::Bool(wanted)) => element.set_checked(*wanted).await?,
            (_, Value::String(text)) => element.fill(text).await?,
            (_, value) => element.fill(&value.to_string()).await?,
        }
    }
    Ok(())
}

/// What a function, an expression or a body of the caller's comes to; on a thing of the page when one is named.
async fn evaluate(tab: &Tab, source: &str, on: Option<&str>) -> Result<Value, Refusal> {
    let subject = match on {
        Some(name) => Some(Element::find(tab, name).await?),
        None => None,
    };
    let source = if is_expression(tab, source).await? {
        source.to_owned()
    } else {
        format!("async (subject) => {{ {source}\n }}")
    };
    let body = format!(
        "const it = ({source}\n); const value = typeof it === 'function' ? await it(subject) : await it; \
         const text = JSON.stringify(value) ?? 'null'; \
         if (text.length > {VALUE_MAX_CHARS}) throw new Error('the value is too large to be sent'); return text;"
    );
    let text = match subject {
        Some(element) => element.run(&format!("async function() {{ const subject = this; {body} }}"), &[]).await?,
        None => tab.value(&format!("(async () => {{ const subject = undefined; {body} }})()")).await?,
    };
    serde_json::from_str(text.as_str().unwrap_or("null")).map_err(|error| Refusal::unavailable(error.to_string()))
}

/// Whether it is one, or a row of statements; nothing of it runs.
async fn is_expression(tab: &Tab, source: &str) -> Result<bool, Refusal> {
    let expression = format!("async () => ({source}\n)");
    let params = json!({"expression": expression, "sourceURL": "", "persistScript": false});
    Ok(tab.call("Runtime.compileScript", params).await?["exceptionDetails"].is_null())
}
