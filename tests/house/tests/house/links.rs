//! Pages lead only to what is there.

use crate::house::{read, root};

#[test]
fn every_link_between_our_pages_leads_somewhere() {
    let mut pages: Vec<String> = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(String::from).into();
    let docs = root().join("docs").read_dir().unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    pages.extend(docs.filter(|name| name.ends_with(".md")).map(|name| format!("docs/{name}")));
    let mut followed = 0;
    for page in pages {
        let folder = root().join(&page).parent().unwrap().to_owned();
        let text = read(&page);
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://") && !target.starts_with('#')) {
            let file = target.split('#').next().unwrap();
            assert!(folder.join(file).exists(), "{page} links to `{target}`, which is not there");
            followed += 1;
        }
    }
    assert!(followed > 5, "the links are found");
}
