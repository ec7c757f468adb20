/// Delete a file.
#[copilot::tool(needs_approval = |pth, _| pth.starts_with("/etc"))]
async fn delete(
    /// Absolute path.
    path: &str,
) {
    let _ = path;
}

/// Delete a bucket.
#[copilot::tool(needs_approval = |Bucket { name }| name.is_empty())]
async fn delete_bucket(
    /// The bucket.
    name: &str,
) {
    let _ = name;
}

fn main() {}
