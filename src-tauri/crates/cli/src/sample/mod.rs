//! `agw sample`: a small MCP server to try the gateway with, without a network
//! and without anybody's data.
//!
//! It keeps notes: four tools that list, read, write and delete them, two of
//! them marked as reading. Without `--folder` they are in memory, begin anew
//! with each start, and each caller has their own, because the gateway starts
//! a server for each.
//!
//! ```text
//! agw connection add sample --stdio -- agw sample --folder /srv/notes
//! ```

mod notes;

use std::io::{self, BufRead, BufReader, Read as _, Write};

use serde_json::{Value, json};

use crate::args::SampleArgs;
use crate::error::CliError;
use notes::Notes;

/// The longest message, in bytes.
const MAX_LINE: u64 = 1 << 20;
/// Revisions of MCP that it speaks; a client that wants another gets the last.
const REVISIONS: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

/// JSON-RPC 2.0, section 5.1.
const PARSE_ERROR: i64 = -32700;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;

/// Answers on stdout what comes on stdin, until that ends.
pub(crate) fn run(args: SampleArgs) -> Result<(), CliError> {
    let mut notes = Notes::new(args.folder)?;
    serve(&mut notes, BufReader::new(io::stdin().lock()), io::stdout().lock()).map_err(|error| {
        CliError::io("the sample cannot talk to its client", &error, "Start it by an MCP client.")
    })
}

fn serve(notes: &mut Notes, mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    loop {
        let mut line = Vec::new();
        if input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if line.len() as u64 == MAX_LINE {
            return Err(io::Error::other("a message is too long"));
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if let Some(answer) = answer(notes, &line) {
            serde_json::to_writer(&mut output, &answer)?;
            output.write_all(b"\n")?;
            output.flush()?;
        }
    }
}

/// Nothing to a notification.
fn answer(notes: &mut Notes, line: &[u8]) -> Option<Value> {
    let Ok(message) = serde_json::from_slice::<Value>(line) else {
        return Some(error(&Value::Null, PARSE_ERROR, "that is no JSON"));
    };
    let id = message.get("id")?;
    let params = message.get("params").unwrap_or(&Value::Null);
    let result = match message.get("method").and_then(Value::as_str)? {
        "initialize" => greeting(params),
        "ping" => json!({}),
        "tools/list" => json!({"tools": tools()}),
        "tools/call" => {
            let name = params.get("name").and_then(Value::as_str).unwrap_or_default();
            let none = json!({});
            let args = params.get("arguments").unwrap_or(&none);
            match call(notes, name, args) {
                Some(outcome) => outcome,
                None => return Some(error(id, INVALID_PARAMS, "there is no such tool")),
            }
        }
        _ => return Some(error(id, METHOD_NOT_FOUND, "the sample has nothing but tools")),
    };
    Some(json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

fn greeting(params: &Value) -> Value {
    let wanted = params.get("protocolVersion").and_then(Value::as_str).unwrap_or_default();
    let [.., newest] = REVISIONS;
    let revision = REVISIONS.iter().find(|known| **known == wanted).unwrap_or(&newest);
    json!({
        "protocolVersion": revision,
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "agw sample", "version": env!("CARGO_PKG_VERSION")},
        "instructions": "A few notes to try the gateway with.",
    })
}

fn error(id: &Value, code: i64, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}

/// `None` where there is no such tool.
fn call(notes: &mut Notes, tool: &str, args: &Value) -> Option<Value> {
    let text = |name: &str| args.get(name).and_then(Value::as_str).unwrap_or_default();
    let outcome = match tool {
        "list_notes" => notes.list().map(|names| json!({"notes": names})),
        "read_note" => notes.read(text("name")).map(|said| json!({"text": said})),
        "write_note" => {
            notes.write(text("name"), text("text")).map(|()| json!({"written": text("name")}))
        }
        "delete_note" => notes.delete(text("name")).map(|()| json!({"deleted": text("name")})),
        _ => return None,
    };
    Some(match outcome {
        Ok(result) => json!({
            "content": [{"type": "text", "text": result.to_string()}],
            "structuredContent": result,
        }),
        Err(problem) => json!({"content": [{"type": "text", "text": problem}], "isError": true}),
    })
}

fn tools() -> Value {
    let name =
        json!({"type": "string", "description": "Name of the note", "maxLength": notes::NAME_MAX});
    let text = json!({"type": "string", "description": "What it says from now on"});
    let schema = |properties: Value, required: &[&str]| {
        json!({
            "type": "object", "properties": properties, "required": required,
            "additionalProperties": false,
        })
    };
    json!([
        {
            "name": "list_notes",
            "description": "Lists the names of all notes",
            "inputSchema": schema(json!({}), &[]),
            "annotations": {"title": "List notes", "readOnlyHint": true, "openWorldHint": false},
        },
        {
            "name": "read_note",
            "description": "Reads one note",
            "inputSchema": schema(json!({"name": name}), &["name"]),
            "annotations": {"title": "Read a note", "readOnlyHint": true, "openWorldHint": false},
        },
        {
            "name": "write_note",
            "description": "Writes a note; one of that name is replaced",
            "inputSchema": schema(json!({"name": name, "text": text}), &["name", "text"]),
            "annotations": {
                "title": "Write a note", "readOnlyHint": false, "destructiveHint": false,
                "idempotentHint": true, "openWorldHint": false,
            },
        },
        {
            "name": "delete_note",
            "description": "Deletes a note for good",
            "inputSchema": schema(json!({"name": name}), &["name"]),
            "annotations": {
                "title": "Delete a note", "readOnlyHint": false, "destructiveHint": true,
                "openWorldHint": false,
            },
        },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: &[Value]) -> Vec<Value> {
        let mut notes = Notes::new(None).unwrap();
        let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let mut output = Vec::new();
        serve(&mut notes, input.as_bytes(), &mut output).unwrap();
        let output = String::from_utf8(output).unwrap();
        output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn call(id: u32, name: &str, args: Value) -> Value {
        let params = json!({"name": name, "arguments": args});
        json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params})
    }

    #[test]
    fn it_greets_lists_and_keeps_notes() {
        let params = json!({"protocolVersion": "2025-06-18"});
        let said = said(&[
            json!({"jsonrpc": "2.0", "id": "a", "method": "initialize", "params": params}),
            json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
            json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}),
            call(2, "write_note", json!({"name": "mine", "text": "hi"})),
            call(3, "read_note", json!({"name": "mine"})),
            call(4, "delete_note", json!({"name": "mine"})),
            call(5, "read_note", json!({"name": "mine"})),
            call(6, "no_such_tool", json!({})),
            json!({"jsonrpc": "2.0", "id": 7, "method": "prompts/list"}),
        ]);
        assert_eq!(said.len(), 8);
        assert_eq!(said[0]["result"]["protocolVersion"], "2025-06-18");
        assert_eq!(said[1]["result"]["tools"].as_array().unwrap().len(), 4);
        assert_eq!(said[3]["result"]["structuredContent"], json!({"text": "hi"}));
        assert_eq!(said[5]["result"]["isError"], true);
        assert_eq!(said[6]["error"]["code"], INVALID_PARAMS);
        assert_eq!(said[7]["error"]["code"], METHOD_NOT_FOUND);
    }

    #[test]
    fn what_it_does_to_notes_is_said_of_each_tool() {
        let tools = tools();
        let hint = |name: &str, hint: &str| {
            let all = tools.as_array().unwrap();
            let tool = all.iter().find(|tool| tool["name"] == name).unwrap();
            tool["annotations"][hint].as_bool().unwrap_or(false)
        };
        for reads in ["list_notes", "read_note"] {
            assert!(hint(reads, "readOnlyHint"), "{reads}");
        }
        for writes in ["write_note", "delete_note"] {
            assert!(!hint(writes, "readOnlyHint"), "{writes}");
        }
        assert!(hint("delete_note", "destructiveHint") && !hint("write_note", "destructiveHint"));
    }
}
