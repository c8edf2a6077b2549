//! Who comes from a crowd platform: consent, a check with two tries, practice, items, and a code to be paid by; their ids
//! stand apart from what they judged.

use crate::cli_support::Place;
use crate::serve_support::{Reply, Seen, Served, choice};
use crate::study_support::*;
use emprl::store::StudyId;
use emprl::study::definition::StudyKind;
use serde_json::{Value, json};

fn place() -> Place {
    let place = Place::new();
    std::fs::create_dir_all(place.store()).unwrap();
    let mut store = store_with_systems(&place.store(), 2, 4);
    let mut definition = definition(StudyKind::AbTest, 2);
    definition.contexts = 4;
    assert_eq!(create(&mut store, &definition), StudyId(1));
    place
}

fn served(place: &Place) -> Served {
    let endings = [
        "--crowd",
        "--completion",
        "C1DONE",
        "--screened-out",
        "https://platform.example/back?cc=C2OUT",
    ];
    Served::start(place, &endings)
}

/// The path of the entrance.
fn entrance(served: &Served) -> String {
    let url = served.said["entrance"].as_str().unwrap();
    assert!(
        url.ends_with(
            "?PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}"
        ),
        "{url}"
    );
    let path = url.split_once('?').unwrap().0;
    format!("/c/{}", path.rsplit_once("/c/").unwrap().1)
}

/// Comes by the entrance; the token of the place.
fn come(served: &Served, entrance: &str, worker: &str) -> Result<String, Reply> {
    let path = format!("{entrance}?PROLIFIC_PID={worker}&STUDY_ID=s1&SESSION_ID=t1");
    let reply = served.get(&path);
    if reply.status != 303 {
        return Err(reply);
    }
    let location = reply
        .head
        .lines()
        .find_map(|line| line.strip_prefix("location: "));
    Ok(location.unwrap().strip_prefix("../j/").unwrap().to_string())
}

fn step(served: &Served, token: &str, key: u128, action: Value) -> Reply {
    let sent = json!({"key": format!("{key:032x}"), "known": 0, "do": action});
    served.send(token, &sent)
}

fn view(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.body);
    Seen::of(&reply.body).view
}

#[test]
fn a_worker_goes_from_consent_to_the_completion_code() {
    let place = place();
    let served = served(&place);
    assert_eq!(served.said["links"], json!([]), "places are for who comes");
    let entrance = entrance(&served);
    let token = come(&served, &entrance, "5f3worker").unwrap();
    assert_eq!(
        come(&served, &entrance, "5f3worker").unwrap(),
        token,
        "who comes again finds their place"
    );
    let page = served.get(&format!("/j/{token}"));
    assert_eq!(view(&page), "consent");
    assert!(!page.body.contains("5f3worker"), "not even their own id");
    // Nothing is judged before its time.
    assert_eq!(step(&served, &token, 1, json!("skip")).status, 400);
    assert_eq!(
        view(&step(&served, &token, 2, json!({"check": [1, 0]}))),
        "consent"
    );
    assert_eq!(
        view(&step(&served, &token, 3, json!({"consent": true}))),
        "check"
    );
    let wrong = step(&served, &token, 4, json!({"check": [0, 0]}));
    assert!(
        view(&wrong) == "check" && wrong.body.contains("one more try"),
        "{}",
        wrong.body
    );
    // Sent again after its reply was lost, it is the same try.
    let again = step(&served, &token, 4, json!({"check": [0, 0]}));
    assert_eq!(again.body, wrong.body);
    assert_eq!(
        view(&step(&served, &token, 5, json!({"check": [1, 0]}))),
        "practice"
    );
    let mut reply = step(&served, &token, 6, json!("practised"));
    for key in 10..14 {
        let seen = Seen::of(&reply.body);
        assert_eq!(seen.view, "item");
        reply = served.send(&token, &seen.sends(key, choice("left")));
    }
    assert_eq!(view(&reply), "end");
    assert!(
        reply.body.contains("C1DONE") && !reply.body.contains("C2OUT"),
        "{}",
        reply.body
    );
    assert!(served.get(&format!("/j/{token}")).body.contains("C1DONE"));

    let workers = place.json(&["study", "workers", "1"]);
    let worker = &workers[0];
    assert_eq!(
        (
            &worker["worker"],
            &worker["study"],
            &worker["session"],
            &worker["pseudonym"]
        ),
        (
            &json!("5f3worker"),
            &json!("s1"),
            &json!("t1"),
            &json!("A1")
        )
    );
    assert_eq!(
        (&worker["tries"], &worker["answered"]),
        (&json!(2), &json!(4))
    );
    let times = ["arrived_ms", "consented_ms", "passed_ms", "finished_ms"];
    let times = times.map(|name| worker[name].as_i64().unwrap());
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(worker["shown_ms"], json!(4 * 1200));
    assert!(place.ok(&["study", "workers", "1"]).contains("finished"));
    // Their ids are in no judgement, and can be forgotten.
    let rows = place.ok(&["study", "export", "1", "--annotator", "A1"]);
    assert!(
        rows.contains("\"left\"") && !rows.contains("5f3worker"),
        "{rows}"
    );
    assert_eq!(
        place.json(&["study", "workers", "1", "--forget"]),
        json!({"forgotten": 1})
    );
    assert_eq!(place.json(&["study", "workers", "1"])[0]["worker"], "");
}

#[test]
fn who_fails_or_declines_leaves_the_place_to_another() {
    let place = place();
    let served = served(&place);
    let entrance = entrance(&served);
    let out = come(&served, &entrance, "w1").unwrap();
    assert_eq!(
        view(&step(&served, &out, 1, json!({"consent": true}))),
        "check"
    );
    step(&served, &out, 2, json!({"check": [0, 0]}));
    let failed = step(&served, &out, 3, json!({"check": [0, 1]}));
    assert_eq!(view(&failed), "end");
    assert!(
        failed
            .body
            .contains("https://platform.example/back?cc=C2OUT"),
        "{}",
        failed.body
    );
    assert_eq!(
        view(&step(&served, &out, 4, json!({"check": [1, 0]}))),
        "end",
        "no third try"
    );
    let declined = come(&served, &entrance, "w2").unwrap();
    assert_eq!(
        view(&step(&served, &declined, 1, json!({"consent": false}))),
        "end"
    );
    assert_eq!(
        view(&step(&served, &declined, 2, json!({"consent": true}))),
        "end"
    );
    // Three places are free again, and no more.
    let tokens: Vec<String> = ["w3", "w4", "w5"]
        .map(|who| come(&served, &entrance, who).unwrap())
        .to_vec();
    for token in &tokens {
        assert_eq!(view(&served.get(&format!("/j/{token}"))), "consent");
    }
    let full = come(&served, &entrance, "w6").unwrap_err();
    assert!(
        full.status == 200 && full.body.contains("This study is full"),
        "{}",
        full.body
    );
    let places: Vec<Value> = place
        .json(&["study", "workers", "1"])
        .as_array()
        .unwrap()
        .iter()
        .map(|worker| worker["pseudonym"].clone())
        .collect();
    assert_eq!(json!(places), json!(["A1", "A1", "A1", "A2", "A3"]));
    let states: Vec<Value> = place
        .json(&["study", "links", "1"])
        .as_array()
        .unwrap()
        .iter()
        .map(|link| link["state"].clone())
        .collect();
    assert_eq!(
        json!(states),
        json!(["screened out", "declined", "open", "open", "open"])
    );
    // A place whose link is revoked before anything was judged is free once more.
    place.ok(&["study", "links", "1", "--revoke", "4"]);
    assert_eq!(served.get(&format!("/j/{}", tokens[1])).status, 404);
    assert!(come(&served, &entrance, "w6").is_ok());
}

#[test]
fn without_an_id_or_by_a_wrong_entrance_nobody_comes_in() {
    let place = place();
    let served = served(&place);
    let entrance = entrance(&served);
    for query in [
        "",
        "?PROLIFIC_PID=",
        "?PROLIFIC_PID=%3Cscript%3E",
        "?STUDY_ID=1",
    ] {
        let reply = served.get(&format!("{entrance}{query}"));
        assert_eq!(reply.status, 400, "{query}");
        assert!(reply.body.contains("the platform"), "{}", reply.body);
    }
    let wrong = come(&served, "/c/00000000000000000000000000000000", "w1").unwrap_err();
    assert_eq!(wrong.body, served.get("/nothing").body);
    // The next serving knows the entrance, and does not tell it again.
    drop(served);
    let again = Served::start(&place, &["--crowd"]);
    assert!(again.said["entrance"].is_null());
    assert!(come(&again, &entrance, "w1").is_ok());
    let refused = place.run(&["study", "serve", "1", "--crowd", "--completion", "a b"]);
    assert!(
        refused.code == 2 && refused.stderr.contains("--completion"),
        "{}",
        refused.stderr
    );
}
