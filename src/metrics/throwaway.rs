use serde::{Deserialize, Serialize};
use crate::data::EmpathyLevel;
use super::SystemResults;
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate { pub value: f64, pub low: f64, pub high: f64 }
fn e(v: f64, _n: usize) -> Estimate { Estimate { value: v, low: v, high: v } }
pub mod perplexity { pub fn perplexity(n: &[(f64, usize)]) -> f64 { let (s,t)=n.iter().fold((0.0,0),|(s,t),x|(s+x.0,t+x.1)); (s/t.max(1) as f64).exp() } }
pub mod distinct { use std::collections::HashSet; pub fn distinct(w: &[Vec<String>], n: usize) -> f64 { let mut all=0; let mut set=HashSet::new(); for r in w { for g in r.windows(n) { all+=1; set.insert(g.to_vec()); } } if all==0 {0.0} else {100.0*set.len() as f64/all as f64} } }
pub mod classification {
 pub fn accuracy(g:&[usize],p:&[usize])->f64{ g.iter().zip(p).filter(|(a,b)|a==b).count() as f64/g.len().max(1) as f64}
 fn f1(g:&[usize],p:&[usize],c:usize)->f64{ let tp=g.iter().zip(p).filter(|(a,b)|**a==c&&**b==c).count() as f64; let d=g.iter().filter(|a|**a==c).count() as f64+p.iter().filter(|a|**a==c).count() as f64; if d==0.0{0.0}else{2.0*tp/d}}
 pub fn weighted_f1(g:&[usize],p:&[usize])->f64{ (0..3).map(|c| f1(g,p,c)*g.iter().filter(|a|**a==c).count() as f64).sum::<f64>()/g.len().max(1) as f64}
 pub fn macro_f1(g:&[usize],p:&[usize])->f64{ (0..3).map(|c| f1(g,p,c)).sum::<f64>()/3.0}
 pub fn confusion(g:&[usize],p:&[usize],n:usize)->Vec<Vec<u64>>{ let mut m=vec![vec![0;n];n]; for (a,b) in g.iter().zip(p){m[*a][*b]+=1;} m}
}
pub mod emp_f1 { use crate::data::EmpathyLevel; pub struct Agreement{pub emp_f1:f64,pub mechanism_f1:[f64;3]}
 pub fn emp_f1(g:&[[EmpathyLevel;3]],p:&[[EmpathyLevel;3]])->Agreement{ let f=[0,1,2].map(|m| 100.0*super::classification::weighted_f1(&g.iter().map(|x|x[m].index()).collect::<Vec<_>>(),&p.iter().map(|x|x[m].index()).collect::<Vec<_>>())); Agreement{emp_f1:f.iter().sum::<f64>()/3.0,mechanism_f1:f}} }
#[allow(clippy::too_many_arguments)]
pub fn system_results(system:&str,split:&str,nll:Option<&[(f64,usize)]>,responses:&[String],levels:Option<(&[[EmpathyLevel;3]],&[[EmpathyLevel;3]])>,_r:usize,_s:u64)->SystemResults{
 let n=responses.len(); let w:Vec<Vec<String>>=responses.iter().map(|r|r.split_whitespace().map(str::to_string).collect()).collect();
 let a=levels.map(|(g,p)|emp_f1::emp_f1(g,p));
 SystemResults{system:system.into(),split:split.into(),n:n as u64,ppl:nll.map(|x|e(perplexity::perplexity(x),n)),dist_1:e(distinct::distinct(&w,1),n),dist_2:e(distinct::distinct(&w,2),n),emp_f1:a.as_ref().map(|a|e(a.emp_f1,n)),mechanism_f1:a.as_ref().map(|a|a.mechanism_f1.map(|v|e(v,n))),mean_words:w.iter().map(Vec::len).sum::<usize>() as f64/n.max(1) as f64}}
