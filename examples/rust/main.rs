// Rust: a small HTTP server on the standard library alone, a thread for each connection. `weir dev examples/rust` builds it.
use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

fn main() -> std::io::Result<()> {
    let port = env::var("PORT").unwrap_or_else(|_| "8080".into());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || {
            // A client that has left is no error.
            let _ = serve(stream);
        });
    }
    Ok(())
}

struct Request {
    path: String,
    body: Vec<u8>,
}

/** Requests of one connection, one after the other. */
fn serve(stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    while let Some(request) = read(&mut reader)? {
        match request.path.as_str() {
            "/" => answer(&mut writer, "200 OK", b"Hello from Rust\n")?,
            "/echo" => answer(&mut writer, "200 OK", &request.body)?,
            "/stream" => stream_lines(&mut writer)?,
            _ => answer(&mut writer, "404 Not Found", b"Not found\n")?,
        }
    }
    Ok(())
}

/** None: the connection has ended. Weir sends bodies with their length, or in chunks. */
fn read(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Request>> {
    let Some(line) = read_line(reader)? else { return Ok(None) };
    let path = line.split(' ').nth(1).unwrap_or("/").split('?').next().unwrap_or("/").to_string();
    let (mut length, mut chunked) = (0, false);
    while let Some(field) = read_line(reader)? {
        if field.is_empty() {
            break;
        }
        let (name, value) = field.split_once(':').unwrap_or((&field, ""));
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "transfer-encoding" => chunked = value.trim().eq_ignore_ascii_case("chunked"),
            _ => {}
        }
    }
    let body = if chunked { read_chunks(reader)? } else { read_exactly(reader, length)? };
    Ok(Some(Request { path, body }))
}

fn read_line(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(line.trim_end().to_string()))
}

fn read_exactly(reader: &mut BufReader<TcpStream>, length: usize) -> std::io::Result<Vec<u8>> {
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(body)
}

fn read_chunks(reader: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = read_line(reader)?.unwrap_or_default();
        let length = usize::from_str_radix(size.split(';').next().unwrap_or("0").trim(), 16).unwrap_or(0);
        body.extend(read_exactly(reader, length)?);
        read_line(reader)?;
        if length == 0 {
            return Ok(body);
        }
    }
}

fn answer(writer: &mut TcpStream, status: &str, body: &[u8]) -> std::io::Result<()> {
    write!(writer, "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n", body.len())?;
    writer.write_all(body)
}

fn stream_lines(writer: &mut TcpStream) -> std::io::Result<()> {
    write!(writer, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    for number in 0..5 {
        let line = format!("{number}\n");
        write!(writer, "{:x}\r\n{line}\r\n", line.len())?;
        thread::sleep(Duration::from_millis(100));
    }
    write!(writer, "0\r\n\r\n")
}
