//! Names of the models as they are typed.

/// Words that the rule for all others would take apart, as botocore lists them.
const WHOLE: [(&str, &str); 5] = [
    ("iSCSI", "Iscsi"),
    ("HITs", "Hits"),
    ("PartiQL", "Partiql"),
    ("OAuth2", "Oauth2"),
    ("WhatsApp", "Whatsapp"),
];

/// `DescribeDBClusters` as the AWS CLI writes it: `describe-db-clusters`.
///
/// ```
/// assert_eq!(fracas_aws::kebab("DescribeDBClusters"), "describe-db-clusters");
/// ```
pub fn kebab(name: &str) -> String {
    let name = WHOLE.iter().fold(name.to_owned(), |name, (whole, one)| name.replace(whole, one));
    let stem = name.strip_suffix('s').unwrap_or_default();
    let capitals = stem.len() - stem.trim_end_matches(|c: char| c.is_ascii_uppercase()).len();
    match capitals {
        // ARNs and the like.
        2.. => {
            let (before, plural) = name.split_at(stem.len() - capitals);
            format!("{}-{}", hyphened(before), plural.to_lowercase())
        }
        _ => hyphened(&name),
    }
}

/// A name in the spelling of another one: with hyphens, with underscores, or as the models have it.
pub(crate) fn spelled_like(typed: &str, name: &str) -> String {
    match typed {
        _ if typed.contains('-') => kebab(name),
        _ if typed.contains('_') => kebab(name).replace('-', "_"),
        _ => name.to_owned(),
    }
}

/// A hyphen before a capital that follows a small letter or a digit, or begins a word.
fn hyphened(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut text = String::new();
    for (place, letter) in letters.iter().enumerate() {
        let after_small =
            place > 0 && (letters[place - 1].is_ascii_lowercase() || letters[place - 1].is_ascii_digit());
        let begins_word = place > 0 && letters.get(place + 1).is_some_and(char::is_ascii_lowercase);
        if letter.is_ascii_uppercase() && (after_small || begins_word) {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_as_in_the_aws_cli() {
        for (name, expected) in [
            ("DescribeDBClusters", "describe-db-clusters"),
            ("ListObjectsV2", "list-objects-v2"),
            ("DescribeInstanceARNs", "describe-instance-arns"),
            ("ExecutePartiQLStatement", "execute-partiql-statement"),
            ("CreateCachediSCSIVolume", "create-cached-iscsi-volume"),
            ("GetEC2InstanceRecommendations", "get-ec2-instance-recommendations"),
        ] {
            assert_eq!(kebab(name), expected);
        }
    }
}
