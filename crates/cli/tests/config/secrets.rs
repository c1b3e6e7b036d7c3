//! What `config show` keeps to itself.

use crate::{Run, line};

#[test]
fn the_database_s_password_is_never_shown() {
    let url = "postgres://ann:s3cret@db.example:5432/entrepot?sslmode=require";
    let shown = "postgres://ann@db.example:5432/entrepot?sslmode=require";
    let in_file = Run::of("show").file(&format!("[database]\nurl = \"{url}\"\n")).prints();
    assert_eq!(line(&in_file, "url"), format!("url = \"{shown}\" # registry.toml:2"));
    let in_environment = Run::of("show").environment(&[("ENTREPOT_DATABASE_URL", url)]).prints();
    assert_eq!(line(&in_environment, "url"), format!("url = \"{shown}\" # environment variable ENTREPOT_DATABASE_URL"));
    let apart = Run::of("show")
        .with("password", "s3cret\n")
        .environment(&[("ENTREPOT_DATABASE_URL", shown), ("ENTREPOT_DATABASE_PASSWORD_FILE", "password")])
        .prints();
    let usual = Run::of("show").environment(&[("ENTREPOT_DATABASE_URL", shown), ("PGPASSWORD", "s3cret")]).prints();
    for page in [in_file, in_environment, apart, usual] {
        assert!(!page.contains("s3cret"), "{page}");
        // What is shown, a file with it means the same but for the password.
        assert!(Run::of("show").with("password", "").file(&page).prints().contains(shown));
    }
    for wrong in
        ["postgre://ann:s3cret@db/entrepot", "postgres://ann:s3cret@db", "postgres://ann:s3cret@db/a?sslmode=s3cret"]
    {
        let in_file = Run::of("check").file(&format!("[database]\nurl = \"{wrong}\"\n")).mistake();
        let in_environment = Run::of("check").environment(&[("ENTREPOT_DATABASE_URL", wrong)]).mistake();
        for mistake in [in_file, in_environment] {
            assert!(mistake.contains("database.url must be an address such as postgres://"), "{mistake}");
            assert!(!mistake.contains("cret"), "{mistake}");
        }
    }
}
