//! The known name that a misspelt one is most like.

/// The name that is nearest to a misspelt one: by edits, of which one in three letters may be wrong.
pub fn nearest<T: AsRef<str>>(typed: &str, names: impl IntoIterator<Item = T>) -> Option<T> {
    let lower = typed.to_lowercase();
    let edits = |name: &T| edit_distance(&lower, &name.as_ref().to_lowercase());
    let (edits, near) = names
        .into_iter()
        .map(|name| (edits(&name), name))
        .min_by(|(one, a), (other, b)| (one, a.as_ref()).cmp(&(other, b.as_ref())))?;
    (edits <= lower.chars().count() / 3).then_some(near)
}

/// How many letters must be put in, left out, replaced or swapped with the next one to make one word of the other
/// (optimal string alignment).
pub fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut next = vec![i + 1];
        for j in 0..b.len() {
            let replaced = row[j] + usize::from(a[i] != b[j]);
            let mut edits = replaced.min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                edits = edits.min(before[j - 1] + 1);
            }
            next.push(edits);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}
